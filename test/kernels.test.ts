/** Every op's emitted C++ against its float64 reference, on the op's own samples: enrolled from the list of ops. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import koffi from "koffi";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { kernelText } from "../compiler/emit/kernelFile.js";
import { compileLibrary, cpuFlags } from "../compiler/emit/toolchain.js";
import { Builder, type Graph, size, type Value } from "../compiler/ir.js";
import { kernelsOf } from "../compiler/kernel.js";
import { ops } from "../compiler/ops/index.js";
import type { OpSpec, Reference, Sample } from "../compiler/ops/op.js";
import { root } from "../compiler/package.js";
import { fuse } from "../compiler/passes/fuse.js";
import { Random } from "../runtime/random.js";
import { temporaryFolder } from "./temporary.js";

type Library = ReturnType<typeof koffi.load>;

interface Case {
  name: string;
  spec: OpSpec;
  sample: Sample;
  inputs: Value[];
  outputs: Value[];
  /** The kernel's arguments: which input or output, in order. */
  arguments: Value[];
  workspace: number;
  source: string;
}

/** One op as a program of its own, through fuse and the templates. */
function makeCase(spec: OpSpec, sample: Sample, index: number): Case {
  const builder = new Builder();
  const attrs = sample.attrs ?? {};
  const inputs = sample.args.map((a, i) => builder.input(`in${i}`, a.type));
  const types = spec.infer(
    sample.args.map((a) => a.type),
    attrs,
  );
  const { ops: body } = builder.within(() => builder.op(spec.name, inputs, attrs, types, []));
  const outputs = body[0]!.outputs;
  const graph: Graph = { name: "case", inputs, body, outputs: outputs.map((value, i) => ({ is: "loss", name: `out${i}`, value })) };
  const { steps } = fuse(graph, { norm: "own", swiglu: "own", moeIn: "gather", moeOut: "gatherSum", target: "cpu" });
  const kernels = [...kernelsOf(steps)];
  assert.is(kernels.length, 1, `${spec.name} is one kernel`);
  const [kernel] = kernels;
  const text = kernelText(kernel!, { target: "cpu", sources: new Map(), accumulates: () => false });
  const space = `case_${index}`;
  const body_ = text
    .finish("run", [kernel!])
    .replace(/^#include.*$/gm, "")
    .replace("namespace mlac {", `namespace mlac::${space} {`);
  const casts = text.params
    .split(", ")
    .map((p, i) => `reinterpret_cast<${p.slice(0, p.indexOf("*") + 1).replace("real", "mlac::real")}>(memory + offsets[${i}])`);
  const call = `extern "C" void ${space}(char* memory, const int64_t* offsets) { mlac::${space}::run(${casts.join(", ")}); }`;
  return {
    name: `${spec.name} ${index}`,
    spec,
    sample,
    inputs,
    outputs,
    arguments: [...kernel!.inputs, ...kernel!.outputs],
    workspace: text.workspaceBytes(1),
    source: `${body_}\n${call}\n`,
  };
}

/** Ops that stand for others, and are those on the CPU, have no template here. */
const cases = [...ops.values()]
  .filter((spec) => !spec.decompose)
  .flatMap((spec) => spec.samples.map((sample) => ({ spec, sample })))
  .map(({ spec, sample }, i) => makeCase(spec, sample, i));

async function compile(double: boolean): Promise<Library> {
  const folder = join(temporaryFolder(), double ? "f64" : "f32");
  mkdirSync(folder);
  const files = Math.ceil(cases.length / 12);
  const sources = [...Array(files).keys()].map((n) => {
    const path = join(folder, `cases${n}.cpp`);
    const part = cases.filter((_, i) => i % files === n).map((c) => c.source);
    writeFileSync(path, `#include "lib/kernel.h"\n#include "lib/decode_attention.h"\n#include "lib/linear_by_head.h"\n${part.join("\n")}`);
    return path;
  });
  const open = join(folder, "open.cpp");
  writeFileSync(open, '#include "lib/scratch.h"\nextern "C" void open_threads(int n) { mlac::scratch_open(n); }\n');
  const flags = [
    ...cpuFlags.filter((f) => f !== "-fvisibility=hidden").map((f) => (f === "-O3" ? "-O1" : f)),
    ...(double ? ["-DMLAC_DOUBLE"] : []),
  ];
  const { library } = await compileLibrary({
    sources: [...sources, open],
    includes: [join(root, "templates/cpu")],
    library: join(folder, "cases.so"),
    flags,
  });
  const lib = koffi.load(library);
  lib.func("void open_threads(int n)")(2);
  return lib;
}

/** Inputs as the samples say, the same for every run; the rest of the memory is poisoned with NaN and an odd integer. */
function inputsOf(c: Case): Reference[] {
  const random = new Random(17);
  return c.sample.args.map((a) => {
    const [low, high] = a.range ?? [-1.5, 1.5];
    const draw = (): number => low + (high - low) * random.next();
    return { type: a.type, data: a.data ? Float64Array.from(a.data) : Float64Array.from({ length: size(a.type) }, draw) };
  });
}

function run(lib: Library, index: number, double: boolean): { got: Float64Array[]; expected: readonly Float64Array[] } {
  const c = cases[index]!;
  const inputs = inputsOf(c);
  const offsets: bigint[] = [];
  let bytes = 0;
  const place = (elements: number): void => {
    offsets.push(BigInt(bytes));
    bytes += Math.ceil((elements * 8) / 64) * 64;
  };
  for (const v of c.arguments) place(size(v.type));
  place(c.workspace);
  const memory = new Uint8Array(bytes).fill(0xff);
  const view = (i: number, v: Value): Float64Array | Float32Array | Int32Array => {
    const Kind = v.type.dtype === "i32" ? Int32Array : double ? Float64Array : Float32Array;
    return new Kind(memory.buffer, Number(offsets[i]), size(v.type));
  };
  for (const [i, v] of c.arguments.entries()) {
    const at = c.inputs.indexOf(v);
    if (at >= 0) view(i, v).set(inputs[at]!.data);
    // What is written in place is there before.
    const result = c.outputs.indexOf(v);
    const first = c.spec.inPlace?.(c.inputs);
    if (result >= 0 && first !== undefined) view(i, v).set(inputs[first + result]!.data);
  }
  lib.func(`void case_${index}(void* memory, void* offsets)`)(memory, BigInt64Array.from(offsets));
  const got = c.outputs.map((v) => Float64Array.from(view(c.arguments.indexOf(v), v)));
  const rounded = inputs.map((r) => ({ ...r, data: double || r.type.dtype === "i32" ? r.data : r.data.map(Math.fround) }));
  return {
    got,
    expected: c.spec.reference(
      rounded,
      c.sample.attrs ?? {},
      c.outputs.map((v) => v.type),
    ),
  };
}

for (const [double, bound] of [
  [true, 1e-12],
  [false, 2e-5],
] as const) {
  let lib: Library;
  test(`the kernels of all ops compile in ${double ? "float64" : "float32"}`, async () => {
    lib = await compile(double);
  });
  for (const [index, c] of cases.entries())
    test(`${c.name} in ${double ? "float64" : "float32"}`, () => {
      const { got, expected } = run(lib, index, double);
      for (const [o, want] of expected.entries()) {
        const norm = Math.max(1, Math.hypot(...want));
        const difference = Math.hypot(...want.map((x, i) => x - got[o]![i]!));
        assert.ok(difference <= bound * norm, `output ${o}: ${difference} of ${norm}`);
      }
    });
}

test("a wrong kernel is noticed", () => {
  const c = cases.find((one) => one.spec.name === "rmsnorm")!;
  const [want] = c.spec.reference(
    inputsOf(c),
    c.sample.attrs ?? {},
    c.outputs.map((v) => v.type),
  );
  assert.ok(Math.hypot(...want!.map((x) => x * 1e-4)) > 2e-5);
});

test.run();
