/** Pieces of parameters that nobody has to copy: they are read where they lie; a part of fuse.ts. */
import type { Op, Value } from "../ir.js";
import { spec } from "../ops/index.js";
import { parameterPath } from "./rewrite.js";

/** Where a value lies within another one. */
export interface Piece {
  of: Value;
  /** Elements in front of it. */
  offset: number;
}

/** Runs of eight elements begin at multiples of 16 bytes, in whichever type. */
const RUN = 8;

/** The ops of a body whose result is a run of a parameter's elements, and is only read by kernels. */
export function piecesOf(body: readonly Op[], escaping: ReadonlySet<Value>): Map<Op, Piece> {
  const toLoops = new Set(body.flatMap((op) => (op.loop ? op.inputs : [])));
  const found = new Map<Op, Piece>();
  for (const op of body) {
    const [of] = op.inputs;
    const [out] = op.outputs;
    const offset = op.loop ? undefined : spec(op.kind).piece?.(op);
    if (offset === undefined || offset % RUN !== 0 || parameterPath(of!) === undefined) continue;
    if (!escaping.has(out!) && !toLoops.has(out!)) found.set(op, { of: of!, offset });
  }
  return found;
}
