/** What differs between targets when a model is emitted: how numbers are stored, what the host's code says, which files there are. */
import type { Choices } from "../choices.js";
import type { Generation } from "../generation.js";
import type { Parameter } from "../ir.js";
import type { Kernel } from "../kernel.js";
import type { Lowered } from "../lower/index.js";
import { align } from "../passes/memory.js";
import { parameterType } from "../passes/precision.js";
import type { Real, Target } from "../target.js";
import { cType, elementBytes } from "./cuda/types.js";
import { cudaUpdateText } from "./cuda/update.js";
import type { KernelText } from "./kernelFile.js";
import { cpuDialect, type HostDialect } from "./step.js";
import type { Residents, Storage } from "./tensors.js";
import { type UpdateText, updateText } from "./update.js";

export interface Backend {
  target: Target;
  /** Of kernels and host files. */
  extension: ".cpp" | ".cu";
  storage: Storage;
  elementBytes: typeof elementBytes;
  /** Bytes of scratch memory a thread takes beside the arena. */
  scratchPerThread: number;
  /** How the host's code of this model is written; constant tables that lie in the arena are placed from `base` on. */
  host(texts: ReadonlyMap<Kernel, KernelText>, base: number): Host;
  /** One optimizer step; its workspace begins at `base`. */
  update(residents: Residents, base: number): UpdateText;
}

export interface Host {
  dialect: HostDialect;
  tables: readonly TablePlace[];
  tableBytes: number;
}

/** A constant table in the arena: entry i is the C++ expression `c`. */
export interface TablePlace {
  offset: number;
  length: number;
  c: string;
}

/** What cudaMalloc keeps to, and workspaces are shared out by. */
const CUDA_ALIGNMENT = 256;
/** SCRATCH_BYTES of templates/cpu/lib/scratch.h. */
const SCRATCH_PER_THREAD = 4 << 20;

/** `generation`: of a build that generates. */
export function backendFor(target: Target, real: Real, model: Lowered, choices: Choices, generation?: Generation): Backend {
  return target === "cuda" ? cudaBackend(model, choices, generation) : cpuBackend(real === "f64" ? 8 : 4, model, choices);
}

function cpuBackend(realBytes: number, model: Lowered, { muon }: Choices): Backend {
  return {
    target: "cpu",
    extension: ".cpp",
    storage: { realBytes, alignment: 64, isSplit: () => false, exchange: {} },
    elementBytes: (v) => (v.type.dtype === "i32" ? 4 : realBytes),
    scratchPerThread: SCRATCH_PER_THREAD,
    host: () => ({ dialect: cpuDialect, tables: [], tableBytes: 0 }),
    update: (residents, base) => updateText(model, residents, { muon, base, realBytes }),
  };
}

function cudaBackend(model: Lowered, { muon }: Choices, generation?: Generation): Backend {
  const tokens = model.graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!;
  const [batch, length] = tokens.type.dims.map((d) => d.size) as [number, number];
  const vocabulary = model.head.w.type.dims[0]!.size;
  const ids = 4 * batch * length;
  return {
    target: "cuda",
    extension: ".cu",
    storage: {
      realBytes: 4,
      alignment: CUDA_ALIGNMENT,
      isSplit: (p: Parameter) => parameterType(p.kind) === "bf16",
      exchange: generation
        ? generationExchange(generation, vocabulary)
        : { tokens: ids, targets: ids, positions: 4 * batch, lossScale: 4, report: 16, logits: 4 * batch * vocabulary },
    },
    elementBytes,
    scratchPerThread: 0,
    host: cudaHost,
    update: (residents, base) => cudaUpdateText(model, residents, { muon, base }),
  };
}

/** Of a build that generates, for the larger of its programs: tokens, slots and positions; logits; how tokens are drawn, and what was (Drawing and Drawn of runtime/native/cuda/generate). */
function generationExchange({ rows, sequences, window }: Generation, vocabulary: number): Storage["exchange"] {
  const most = Math.max(rows, sequences);
  return {
    tokens: 4 * Math.max(rows, sequences * window),
    slots: 4 * most,
    positions: 4 * most,
    logits: 4 * most * vocabulary,
    sampling: 40 * most,
    sampled: 16 * most,
  };
}

function cudaHost(texts: ReadonlyMap<Kernel, KernelText>, base: number): Host {
  const places = new Map<string, TablePlace>();
  const key = (t: { length: number; c: string }): string => `${t.length} ${t.c}`;
  let offset = base;
  for (const text of texts.values())
    for (const t of text.tables) {
      if (places.has(key(t))) continue;
      places.set(key(t), { offset, length: t.length, c: t.c });
      offset += align(4 * t.length, CUDA_ALIGNMENT);
    }
  const dialect: HostDialect = {
    element: (v) => ({ type: cType(v), pointer: { bf16: "halves", float: "floats", int32_t: "ints" }[cType(v)] }),
    workspace: "bytes",
    first: ["stream"],
    tables: (kernel) => (texts.get(kernel)?.tables ?? []).map((t) => `floats(${places.get(key(t))!.offset})`),
    report: (index, pointer) => `copy_scalar(stream, floats(REPORT_AT) + ${index}, ${pointer});`,
  };
  return { dialect, tables: [...places.values()], tableBytes: offset - base };
}
