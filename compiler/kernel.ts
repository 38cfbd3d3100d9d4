/** The second level of the intermediate representation: what runs, one launch each, and what was fused into it. */
import type { Graph, Op, Value } from "./ir.js";
import type { Decision } from "./passes/decisions.js";
import type { Piece } from "./passes/pieces.js";

export interface Kernel {
  /** The emitted file, the function, and the row of every table have this one name. */
  name: string;
  form: "rowwise" | "contraction" | "own";
  /** Every op computed here, in execution order. An op fused into several consumers appears in each. */
  ops: Op[];
  /** The contraction's products or the own form's op; empty for rowwise. */
  anchors: Op[];
  /** What it reads and writes, in the order of the function's arguments. */
  inputs: Value[];
  outputs: Value[];
  /** Kernels that have nothing to do with one another but that this one is the launch of all of them: their blocks run side by side. */
  parts?: readonly Kernel[];
  /** How it stands to the launches next to it; see passes/early.ts. */
  order?: { offsetsAreOld?: boolean; nextAsksEarly?: boolean };
}

export type Step = { is: "kernel"; kernel: Kernel } | { is: "loop"; op: Op; steps: Step[] };

export interface KernelProgram {
  graph: Graph;
  steps: Step[];
  /** Values that no kernel makes: each lies within another one. */
  pieces: ReadonlyMap<Value, Piece>;
  /** What the fuse pass decided about ops that follow each other or read the same. */
  decisions: readonly Decision[];
}

/** All kernels in execution order, those of loops once. */
export function* kernelsOf(steps: readonly Step[]): Generator<Kernel> {
  for (const step of steps) {
    if (step.is === "kernel") yield step.kernel;
    else yield* kernelsOf(step.steps);
  }
}
