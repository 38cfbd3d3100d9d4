/** cuda, few rows: kernels that do not need one another are one launch, in which each has blocks of its own; a part of fuse.ts. */
import type { Op } from "../ir.js";
import type { Group } from "./groups.js";
import { formOf } from "./groups.js";
import type { Joining } from "./joining.js";

/** Row loops side by side in one launch. */
const MOST_ROW_LOOPS = 8;

/** A value that is kept for later tokens is stored by the row loop that makes it. */
export function joinKept(joining: Joining, op: Op): void {
  const { grouping } = joining;
  const form = formOf(op);
  const [rows] = op.inputs;
  const from = rows?.def.is === "op" ? rows.def.op : undefined;
  const maker = from && grouping.of(from);
  if (form?.is !== "own" || !form.keepsRows?.(op) || maker?.form !== "rowwise") return;
  joining.join("kept", maker, grouping.of(op)!, from!, op);
}

/** Row loops that neither need nor make what another one needs. */
export function joinRowLoops(joining: Joining, body: readonly Op[]): void {
  const { grouping } = joining;
  const launches: Group[] = [];
  for (const op of body) {
    const group = grouping.of(op);
    if (group?.form !== "rowwise" || launches.includes(group)) continue;
    const found = launches.find(
      (other) => (other.parts?.length ?? 1) < MOST_ROW_LOOPS && joining.joinBeside(other, group, other.ops[0]!, op),
    );
    if (!found) launches.push(group);
  }
}
