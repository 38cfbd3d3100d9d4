/** manifest.json: the contract between a built model and whoever runs it. */
import type { Generation } from "./generation.js";
import type { TrainingPlan } from "./plan.js";
import type { Real, Target } from "./target.js";

export interface Manifest {
  /** The manifest's own format. */
  format: 1;
  mlac: string;
  model: string;
  target: Target;
  /** What the model computes with. Its tensors, as they are read and written, are float32 with bf16, too. */
  dtype: Real;
  /** A micro-batch: sequences, tokens in each, and what their ids are below. */
  tokens: { batch: number; length: number; vocabulary: number };
  /** B, T, V and every other named size. */
  sizes: Record<string, number>;
  plan: TrainingPlan;
  /** What was asked for on the command line and in model.ts, and what was chosen. */
  fuse: Record<string, string>;
  set: Record<string, string>;
  parameters: ManifestParameter[];
  /** Everything that can be read and written by name. */
  tensors: ManifestTensor[];
  /** What ranks share out among themselves, in the order of `parameters`: compiler/ranks/partition.ts. */
  trained: TrainedPart[];
  memory: MemoryPlan;
  kernels: ManifestKernel[];
  /** The programs' expert loads: tensor names "load.…", each [layers…, experts] int32. */
  loads: string[];
  sources: { file: string; sha256: string }[];
  /** Of a build that generates. */
  generation?: ManifestGeneration;
}

/** Its sizes, and the layout of its cache. */
export interface ManifestGeneration extends Generation {
  /** How each attention goes on, in the order of the model. */
  ways: ("absorb" | "materialize")[];
  cache: ManifestCache[];
  /** Numbers of a token in all layers: what is kept, and what plain attention with these heads would keep: keys and values of each. */
  numbers: { kept: number; plain: number };
  /** Bytes of a token in all layers, as they are kept. */
  bytesPerToken: number;
}

/** One cache: [layers…, slots, context, numbers of a token…], contiguous in this order. */
export interface ManifestCache {
  /** "cache.layers.attn.latent" */
  name: string;
  what: "keys" | "values" | "latent" | "rotary" | "norm";
  dims: string[];
  shape: number[];
  /** How many of the dimensions count layers. */
  stacked: number;
  dtype: "F32" | "F64" | "BF16";
  /** Place in the arena, and what it takes. */
  offset: number;
  bytes: number;
  /** The line of the attention. */
  origin: string;
}

/** One parameter as the model writes it, its stack dimensions in front. */
export interface ManifestParameter {
  path: string;
  kind: string;
  dims: string[];
  shape: number[];
  stacked: number;
  init: { kind: "normal"; std: number } | { kind: "constant"; value: number };
  /** muon, adamw or expertBias. */
  optimizer: string;
  origin: string;
}

export interface ManifestTensor {
  name: string;
  /** state: expert biases and the like, saved with the parameters. */
  role: "parameter" | "state" | "gradient" | "momentum" | "moment1" | "moment2" | "load";
  /** The parameter whose weights, gradients or state it holds, and which of its slices. */
  parameter?: string;
  slice?: number;
  dtype: "F32" | "F64" | "I32";
  shape: number[];
  /** Place in the arena, in bytes. */
  offset: number;
  /** What is read and written: elements of `dtype`. */
  bytes: number;
  /** Where `offset` holds bfloat16 only: the place of the other 16 bits of each float32. */
  remainder?: number;
  /** `offset` holds bfloat16, and there is nothing more of it: a build that generates. */
  half?: true;
}

/**
 * A trained parameter as ranks share it out: `slices` of it, one a layer (one outside of stacks), of `units` each, of `elements` numbers
 * each. A unit belongs to one rank: a matrix of Muon's, a row of AdamW's.
 */
export interface TrainedPart {
  path: string;
  rule: "muon" | "adamw";
  slices: number;
  units: number;
  elements: number;
  /** What one unit's update computes, and what it reads and writes. */
  flops: number;
  bytes: number;
}

export interface MemoryPlan {
  /** Bytes by kind; they add up to `total`. */
  kinds: Record<"weights" | "gradients" | "optimizer" | "activations" | "io" | "tables", number> & { cache?: number };
  total: number;
  /** Scratch of one thread, not in total: it is taken once per thread. */
  scratchPerThread: number;
  buffers: PlannedBuffer[];
}

export interface PlannedBuffer {
  name: string;
  kind: keyof MemoryPlan["kinds"];
  offset: number;
  bytes: number;
  /** Schedule positions, inclusive, in the program that needs it; a persistent buffer has none. */
  program?: string;
  from?: number;
  to?: number;
  origin?: string;
}

export interface ManifestKernel {
  name: string;
  file: string;
  form: string;
  ops: string[];
  /** "model.ts:24", innermost first. */
  lines: string[];
  programs: string[];
  /** Of one call. */
  flops: number;
  bytes: number;
  calls: number;
}
