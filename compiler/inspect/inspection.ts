/** What `mlac inspect` knows of a model and its choices: plain data, which is what --json prints and the page shows. */
import type { MemoryPlan } from "../manifest.js";
import type { Bond, Reason } from "../passes/decisions.js";
import type { Real, Target } from "../target.js";

export interface Inspection {
  format: 1;
  mlac: string;
  model: string;
  target: Target;
  dtype: Real;
  tokens: { batch: number; length: number; vocabulary: number };
  sizes: Record<string, number>;
  parameters: number;
  fuse: Record<string, string>;
  set: Record<string, string>;
  /** Every file that took part, named as in places. */
  sources: { file: string; text: string }[];
  /** What predicted times are made of; nothing where no ceilings are known. */
  ceilings?: Ceilings;
  measured?: Measured;
  kernels: KernelFacts[];
  ops: OpFacts[];
  decisions: DecisionFacts[];
  programs: ProgramFacts[];
  memory: MemoryFacts;
}

/** The program whose launches count: a micro-step of training, or, of a build that generates, a decode step. */
export const mainProgram = (programs: readonly { name: string }[]): "train" | "decode" =>
  programs.some(({ name }) => name === "train") ? "train" : "decode";

/** What a run of that program is called. */
export const stepName = (programs: readonly { name: string }[]): string =>
  mainProgram(programs) === "train" ? "micro-step" : "decode step";

/** The most that a machine does, as it was measured there with one large product and one large copy. */
export interface Ceilings {
  /** "NVIDIA H200" */
  machine: string;
  flopsPerSecond: number;
  bytesPerSecond: number;
}

/** A stored measurement of this model. Milliseconds. */
export interface Measured {
  machine: string;
  date?: string;
  microStep?: number;
  update?: number;
  /** Whether it was made with the choices at hand. */
  sameChoices: boolean;
}

export interface Place {
  file: string;
  line: number;
  column: number;
}

export interface Operand {
  name: string;
  /** "B T D" */
  dims: string;
  shape: number[];
  dtype: string;
  /** That a launch touches. */
  bytes: number;
  /** The number of its buffer in `memory.buffers`; none for what the host hands over. */
  buffer?: number;
}

export interface KernelFacts {
  /** The file, the function and the row of every table. */
  name: string;
  file: string;
  text: string;
  form: string;
  programs: string[];
  /** What it is made of, in its order: kinds, and the numbers of the ops in `ops`, of all programs. */
  kinds: string[];
  ops: number[];
  /** The innermost places in the source, each once, with the line's text. */
  lines: (Omit<Place, "column"> & { text: string })[];
  /** All places of the calls that led there, the innermost among them. */
  from: string[];
  inputs: Operand[];
  outputs: Operand[];
  /** Of one launch. */
  bytesRead: number;
  bytesWritten: number;
  flops: number;
  /** In a micro-step of training; 0 for what only evaluation and generation run. */
  launches: number;
  /** The least milliseconds of its launches in a micro-step by the ceilings; for `launches` 0 those of one launch. */
  predicted?: number;
  bound?: "math" | "memory";
  /** Milliseconds of its launches in a micro-step. */
  measured?: number;
  resources?: Resources;
}

/** What the assembler said; of several functions in the file the most of each. */
export interface Resources {
  registers: number;
  sharedBytes: number;
  /** A launch adds more: tiles of products and of attention. */
  sharedAtLaunch: boolean;
  spillBytes: number;
}

export interface OpFacts {
  id: number;
  program: string;
  kind: string;
  /** "rmsnorm_attnNorm", or the model's own name of its result. */
  name: string;
  /** Paths of the parameters that it reads. */
  parameters: string[];
  dims: string;
  /** The innermost place first, then the calls that led there. */
  places: Place[];
  /** Labels of the loops around it, and how often it runs in its program. */
  loops: string[];
  times: number;
  flops: number;
  /** The numbers of the ops that make what it reads, of the same loop body; what comes from elsewhere is named. */
  reads: number[];
  elsewhere: string[];
  /** Where it is computed: several, where several users compute it for themselves. */
  kernels: string[];
}

export interface DecisionFacts {
  /** Numbers of ops, the earlier one first. */
  first: number;
  second: number;
  joined: boolean;
  reason: Bond | Reason;
  sentence: string;
  /** Bytes that are saved in a run of the program, or would be, were the two one kernel. */
  savedBytes: number;
  saved: { name: string; dims: string; times: number; bytes: number }[];
}

export interface ProgramFacts {
  name: string;
  launches: number;
  /** Kernels and loops at their schedule positions. */
  moments: Moment[];
}

export interface Moment {
  at: number;
  to: number;
  /** A kernel, and the numbers of the ops that it computes here; or else a loop. */
  kernel?: string;
  ops?: number[];
  loop?: string;
  rounds?: number;
  /** From the last layer to the first. */
  backwards?: true;
}

export interface MemoryFacts {
  kinds: MemoryPlan["kinds"];
  total: number;
  scratchPerThread: number;
  /** Activations and gradients of activations lie between these places of the arena. */
  shared: { offset: number; bytes: number };
  buffers: BufferFacts[];
  /** Bytes at a program's fullest moment, by the line that they come from, the most first. */
  lines: { place: string; bytes: number; buffers: number }[];
  /** For each program: bytes of the shared part in use at each schedule position. */
  used: { program: string; bytes: number[] }[];
}

export interface BufferFacts {
  name: string;
  kind: keyof MemoryPlan["kinds"];
  offset: number;
  bytes: number;
  program?: string;
  from?: number;
  to?: number;
  origin?: string;
  /** Names of kernels. */
  writers: string[];
  readers: string[];
}
