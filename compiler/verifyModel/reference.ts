/**
 * What kernels should give: their ops as small programs of their own, through the CPU target in float32. All of them make one library.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import koffi, { type LibraryHandle } from "koffi";
import { kernelText } from "../emit/kernelFile.js";
import { type CompileProgress, compileLibrary, cpuFlags } from "../emit/toolchain.js";
import { Builder, type Graph, type Op, size, type Value } from "../ir.js";
// For koffi's stacks, which it makes large enough for kernels.
import "../../runtime/native.js";
import { type Kernel, kernelsOf } from "../kernel.js";
import { spec } from "../ops/index.js";
import { latentKeys } from "../ops/latentKeys.js";
import type { Emit } from "../ops/op.js";
import { root } from "../package.js";
import { copyOps } from "../passes/copy.js";
import { fuse } from "../passes/fuse.js";
import { replaceUses } from "../passes/rewrite.js";
import { operandsOf } from "./inputs.js";
import { type Numbers, numbersFor } from "./numbers.js";

/** A straight program of CPU kernels. Its inputs and outputs are float32 and int32 under the values of whoever asked for it. */
export interface Reference {
  inputs: readonly Value[];
  outputs: readonly Value[];
  /** Everything the kernels read and write, in the order of the offsets that they are called with; then a workspace for each. */
  values: readonly Value[];
  /** Where the outputs stand among them; the inputs stand first. */
  outputsAt: readonly number[];
  workspaces: readonly number[];
  source(name: string): string;
}

const real = (v: Value): Value => (v.type.dtype === "bf16" ? { ...v, type: { ...v.type, dtype: "f32" } } : v);

/** Of ops in execution order, as far as `outputs` go. */
export function referenceOf(ops: readonly Op[], inputs: readonly Value[], outputs: readonly Value[]): Reference {
  const builder = new Builder();
  const map = new Map<Value, Value>();
  const made = new Set(ops.flatMap((op) => op.outputs));
  const fresh = (v: Value): void => {
    if (!made.has(v) && !map.has(v)) map.set(v, builder.input(`in${map.size}`, real(v).type));
  };
  inputs.forEach(fresh);
  for (const op of ops) op.inputs.forEach(fresh);
  const given = [...map.values()];
  const body = decomposed(builder, copyOps(builder, ops, map), map);
  for (const op of body) for (const v of op.outputs) v.type = real(v).type;
  const at = (v: Value): Value => map.get(v)!;
  const graph: Graph = {
    name: "reference",
    inputs: given,
    body,
    outputs: outputs.map((v, i) => ({ is: "loss", name: `out${i}`, value: at(v) })),
  };
  const kernels = [...kernelsOf(fuse(graph, { norm: "own", swiglu: "own", moeIn: "gather", moeOut: "gatherSum", target: "cpu" }).steps)];
  const texts = kernels.map((kernel) => kernelText(kernel, { target: "cpu", sources: new Map(), accumulates: () => false }));
  const values = [...new Set([...inputs.map(at), ...outputs.map(at), ...kernels.flatMap((k) => [...k.inputs, ...k.outputs])])];
  return {
    inputs,
    outputs,
    values,
    outputsAt: outputs.map((v) => values.indexOf(at(v))),
    workspaces: texts.map((text) => text.workspaceBytes(4)),
    source: (name) => {
      const calls = kernels.map((kernel, k) => {
        const places = [...kernel.inputs, ...kernel.outputs].map((v) => values.indexOf(v));
        const given = texts[k]!.params.split(", ").map((p, i) => {
          const type = p.slice(0, p.indexOf("*") + 1).replace("real", "mlac::real");
          return `reinterpret_cast<${type}>(memory + at[${places[i] ?? values.length + k}])`;
        });
        return `  mlac::${name}_${k}::run(${given.join(", ")});`;
      });
      const spaces = kernels.map((kernel, k) =>
        texts[k]!.finish("run", [kernel])
          .replace(/^#include.*$/gm, "")
          .replace("namespace mlac {", `namespace mlac::${name}_${k} {`),
      );
      return [...spaces, `extern "C" void ${name}(char* memory, const int64_t* at) {`, ...calls, "}"].join("\n");
    },
  };
}

/** Ops that the CPU target has no template for, in others that it has. `map`'s values follow. */
function decomposed(builder: Builder, ops: readonly Op[], map: Map<Value, Value>): Op[] {
  const replaced = new Map<Value, Value>();
  const body = ops.flatMap((op) => {
    const { decompose } = spec(op.kind);
    if (!decompose) return [op];
    const made = builder.within(() => decompose(op.inputs, op.attrs, emitter(builder)));
    op.outputs.forEach((v, i) => void replaced.set(v, made.result[i]!));
    return made.ops;
  });
  replaceUses(body, replaced);
  for (const [from, to] of map) map.set(from, replaced.get(to) ?? to);
  return body;
}

/** Adds ops to a builder's body, typed by their rules. */
function emitter(builder: Builder): Emit {
  return (kind, inputs, attrs = {}) => {
    const types = spec(kind).infer(
      inputs.map((v) => real(v).type),
      attrs,
    );
    return builder.op(kind, [...inputs], attrs, types, []).outputs;
  };
}

export const referenceOfKernel = (kernel: Kernel): Reference => referenceOf(kernel.ops, operandsOf(kernel), kernel.outputs);

/** The forward op whose results a kernel of the backward pass takes: which operands it makes, each from which output. */
export interface Composed {
  reference: Reference;
  /** Operands of the kernel by the forward op's outputs. */
  gives: readonly [output: Value, operand: Value][];
}

/** How a forward op's results come about, and which of them are which operands of its gradient's. */
interface Forward {
  run(operands: readonly Value[], attrs: Op["attrs"], emit: Emit): readonly Value[];
  gives: readonly (readonly [output: number, operand: number])[];
}

const forwards: Readonly<Record<string, Forward>> = {
  attentionGrad: {
    run: (operands, attrs, emit) => emit("attention", operands.slice(0, 3), attrs),
    gives: [
      [0, 3],
      [1, 4],
    ],
  },
  latentAttentionGrad: {
    run(operands, attrs, emit) {
      const { k, v } = latentKeys(operands, attrs, emit);
      return emit("attention", [operands[0]!, k, v], { causal: attrs.causal!, scale: attrs.scale! });
    },
    gives: [
      [0, 6],
      [1, 7],
    ],
  },
  linearCrossEntropyGrad: { run: (operands, attrs, emit) => emit("linearCrossEntropy", operands.slice(1, 4), attrs), gives: [[1, 4]] },
};

/** What has to be computed before a kernel's arguments are whole, since they are a forward pass's results for the others. */
export function composedOf(kernel: Kernel): Composed | undefined {
  const op = kernel.ops.find(({ kind }) => kind in forwards);
  if (!op) return undefined;
  const { run, gives } = forwards[op.kind]!;
  const builder = new Builder();
  const { ops, result } = builder.within(() => run(op.inputs, op.attrs, emitter(builder)));
  const made = new Set(ops.flatMap((o) => o.outputs));
  const inputs = op.inputs.filter((v) => !made.has(v) && ops.some((o) => o.inputs.includes(v)));
  return {
    reference: referenceOf(
      ops,
      inputs,
      gives.map(([from]) => result[from]!),
    ),
    gives: gives.map(([from, to]) => [result[from]!, op.inputs[to]!]),
  };
}

/** Files have so many references each. */
const together = 4;

/** All references in one library; call `run` by number. Errors: tool/*. */
export class References {
  private constructor(
    readonly references: readonly Reference[],
    readonly library: LibraryHandle,
  ) {}

  static async compile(
    references: readonly Reference[],
    folder: string,
    threads: number,
    onProgress?: (progress: CompileProgress) => void,
  ): Promise<References> {
    await mkdir(folder, { recursive: true });
    const sources = [join(folder, "open.cpp")];
    await writeFile(sources[0]!, '#include "lib/scratch.h"\nextern "C" void open_threads(int n) { mlac::scratch_open(n); }\n');
    for (let from = 0; from < references.length; from += together) {
      const path = join(folder, `references${from / together}.cpp`);
      const parts = references.slice(from, from + together).map((reference, i) => reference.source(`reference_${from + i}`));
      await writeFile(path, `#include "lib/kernel.h"\n${parts.join("\n")}\n`);
      sources.push(path);
    }
    const { library } = await compileLibrary({
      sources,
      includes: [join(root, "templates/cpu")],
      library: join(folder, "references.so"),
      flags: cpuFlags.filter((flag) => flag !== "-fvisibility=hidden"),
      ...(onProgress ? { onProgress } : {}),
    });
    const handle = koffi.load(library);
    handle.func("void open_threads(int n)")(threads || availableParallelism());
    return new References(references, handle);
  }

  /** The outputs for these inputs, of which there must be one for each of the reference's. */
  run(index: number, inputs: ReadonlyMap<Value, Numbers>): Map<Value, Numbers> {
    const { inputs: given, outputs, outputsAt, values, workspaces } = this.references[index]!;
    const offsets = new BigInt64Array(values.length + workspaces.length);
    let bytes = 0;
    const place = (i: number, length: number): void => {
      offsets[i] = BigInt(bytes);
      bytes += 64 * Math.ceil(length / 64);
    };
    values.forEach((v, i) => void place(i, 4 * size(v.type)));
    workspaces.forEach((length, k) => void place(values.length + k, length));
    const memory = new Uint8Array(bytes).fill(0xff);
    given.forEach((v, i) => {
      const numbers = inputs.get(v);
      if (!numbers) throw new Error(`verify: an operand of ${v.name ?? v.id} has no numbers`);
      memory.set(new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength), Number(offsets[i]));
    });
    this.library.func(`void reference_${index}(void* memory, void* at)`)(memory, offsets);
    return new Map(
      outputs.map((v, i) => {
        const result = numbersFor(v);
        const from = Number(offsets[outputsAt[i]!]);
        new Uint8Array(result.buffer).set(memory.subarray(from, from + result.byteLength));
        return [v, result];
      }),
    );
  }
}
