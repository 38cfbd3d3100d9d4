/**
 * Random arguments of one kernel. Reals are normal; integers mean what the kernel's ops take them for: tokens lie in the vocabulary,
 * a routing's parts belong together. What an op takes from its forward pass (lse) is left to `composed`.
 */
import type { Random } from "../../runtime/random.js";
import { last, type Op, size, type Value } from "../ir.js";
import type { Kernel } from "../kernel.js";
import { matrix } from "../ops/linear.js";
import { type RouteAttrs, routeAttrs } from "../ops/route.js";
import { highest, type Sorted, sortByExpert } from "../ops/routing.js";
import { softmaxRow } from "../ops/softmax.js";
import { fillNormal, type Numbers, roundToBf16 } from "./numbers.js";

type Role =
  | "offsets"
  | "source"
  | "slot"
  | "choice"
  | "load"
  | "order"
  | "ids"
  | "positions"
  | "gates"
  | "scores"
  | "weight"
  | "head"
  | "divisor"
  | "small"
  | "fromForward";

/** What operand number i of an op is, where a random real number would not do. */
const roles: Readonly<Record<string, Readonly<Record<number, Role>>>> = {
  linear: { 1: "weight", 2: "offsets" },
  linearGradX: { 1: "weight", 2: "offsets" },
  linearGradW: { 2: "offsets" },
  dispatch: { 1: "source", 2: "slot", 3: "gates" },
  combine: { 1: "slot", 2: "source", 3: "gates" },
  combineGradGates: { 2: "slot" },
  pick: { 1: "order", 2: "order" },
  lookup: { 1: "ids" },
  lookupGrad: { 1: "ids" },
  linearCrossEntropy: { 1: "head", 2: "ids" },
  linearCrossEntropyGrad: { 2: "head", 3: "ids", 4: "fromForward" },
  linearCrossEntropyTrain: { 1: "head", 2: "ids" },
  nextLogits: { 1: "head", 2: "positions" },
  route: { 0: "scores", 1: "small" },
  routeGrad: { 0: "gates", 1: "gates", 2: "choice", 3: "load" },
  attentionGrad: { 3: "fromForward", 4: "fromForward" },
  latentAttention: { 2: "weight", 3: "weight" },
  latentAttentionGrad: { 2: "weight", 3: "weight", 6: "fromForward", 7: "fromForward" },
  div: { 1: "divisor" },
};

/** The argument of a kernel that has a role, and the op that gives it one. */
interface Use {
  op: Op;
  role: Role | undefined;
}

function useOf(v: Value, kernel: Kernel): Use {
  for (const op of kernel.ops) {
    const at = op.inputs.indexOf(v);
    const role = at < 0 ? undefined : roles[op.kind]?.[at];
    if (role) return { op, role };
  }
  return { op: kernel.ops.find((op) => op.inputs.includes(v))!, role: undefined };
}

/**
 * What a kernel's ops take from outside. More than its arguments: a combine that adds rows to their tokens reads `source` alone, and its
 * definition `slot` alone.
 */
export function operandsOf({ inputs, ops }: Kernel): Value[] {
  const made = new Set(ops.flatMap((op) => op.outputs));
  return [...new Set([...inputs, ...ops.flatMap((op) => op.inputs)])].filter((v) => !made.has(v));
}

/** Operands by value; those of the forward pass are missing. bf16 values are rounded already. `positive`: for logarithms and roots. */
export function randomInputs(kernel: Kernel, random: Random, positive = false): Map<Value, Numbers> {
  const result = new Map<Value, Numbers>();
  let routing: Routing | undefined;
  const routed = (): Routing => {
    routing ??= randomRouting(kernel, random);
    return routing;
  };
  for (const v of operandsOf(kernel)) {
    const { op, role } = useOf(v, kernel);
    if (role === "fromForward") continue;
    const values = v.type.dtype === "i32" ? integers(v, op, role, random, routed) : reals(v, op, role, random, positive);
    if (v.type.dtype === "bf16") roundToBf16(values as Float32Array);
    result.set(v, values);
  }
  for (const op of kernel.ops) if (op.kind === "route") separateScores(op, result, random);
  return result;
}

function reals(v: Value, op: Op, role: Role | undefined, random: Random, positive: boolean): Float32Array<ArrayBuffer> {
  const values = new Float32Array(size(v.type));
  if (role === "gates") return values.map(() => 0.1 + 0.8 * random.next());
  if (role === "divisor") return values.map(() => (0.5 + random.next()) * (positive || random.next() < 0.5 ? 1 : -1));
  // Products of order one, so that activations bend; logits wide enough for every token of the vocabulary to count.
  const reads = role === "weight" ? matrix(v.type, { each: 0, reads: 1, ...op.attrs }).reads.reduce((n, d) => n * d.size, 1) : 1;
  const std = role === "head" ? 3 / Math.sqrt(last(v.type).size) : role === "small" ? 0.1 : Math.sqrt(1 / reads);
  fillNormal(values, random, std, positive);
  return values;
}

function integers(v: Value, op: Op, role: Role | undefined, random: Random, routed: () => Routing): Int32Array<ArrayBuffer> {
  const values = new Int32Array(size(v.type));
  const below = (n: number): Int32Array<ArrayBuffer> => values.map(() => Math.floor(n * random.next()));
  if (role === "ids") return below(vocabularyOf(op));
  if (role === "positions") return below(op.inputs[0]!.type.dims[1]!.size);
  const { choice, slot, source, offsets, load } = routed();
  const known: Partial<Record<Role, ArrayLike<number>>> = { choice, slot, source, offsets, load };
  const part = role === "order" ? (v.type.dims.length === 1 ? source : slot) : role && known[role];
  if (!part || part.length !== values.length)
    throw new Error(`verify: no integers are known for operand ${op.inputs.indexOf(v)} of ${op.kind}`);
  values.set(part);
  return values;
}

function vocabularyOf(op: Op): number {
  if (op.kind === "lookupGrad") return op.outputs[0]!.type.dims[0]!.size;
  const table = op.kind === "lookup" ? 0 : op.kind === "linearCrossEntropyGrad" ? 2 : 1;
  return op.inputs[table]!.type.dims[0]!.size;
}

type Routing = Sorted & { choice: Int32Array };

/** Tokens go to experts of uneven popularity; of four experts or more, one is chosen by nobody if the others suffice. */
function randomRouting(kernel: Kernel, random: Random): Routing {
  const { rows, experts, topK } = routingSizes(kernel);
  const popularity = Array.from({ length: experts }, () => -1.5 * Math.log(1 - random.next()));
  if (experts >= 4 && topK < experts) popularity[Math.floor(experts * random.next())] = Number.NEGATIVE_INFINITY;
  const choice = new Int32Array(rows);
  for (let t = 0; t < rows / topK; t++) {
    const scores = popularity.map((p) => p - Math.log(-Math.log(1 - random.next())));
    choice.set(highest(scores, topK), t * topK);
  }
  return { choice, ...sortByExpert(choice, experts) };
}

/** What the kernel's operands say of its routing; a kernel that knows no number of choices has one a token. */
function routingSizes(kernel: Kernel): { rows: number; experts: number; topK: number } {
  const found: { rows?: number; experts?: number; topK?: number } = {};
  for (const op of kernel.ops)
    for (const [i, v] of op.inputs.entries()) {
      const role = roles[op.kind]?.[i];
      if (role === "offsets") found.experts = size(v.type) - 1;
      if (role === "load") found.experts = size(v.type);
      if (role === "source") found.rows = size(v.type);
      if (role === "slot" || role === "choice") Object.assign(found, { rows: size(v.type), topK: last(v.type).size });
      if (role === "order" && v.type.dims.length > 1) found.topK = last(v.type).size;
      if (role === "order") found.rows = size(v.type);
    }
  for (const op of kernel.ops)
    for (const { type } of [...op.inputs, ...op.outputs])
      for (const [i, d] of type.dims.entries())
        if (d.ragged) {
          found.rows ??= d.size;
          found.experts ??= type.dims[i - 1]!.size;
        }
  const { rows, experts = 4, topK = 1 } = found;
  if (rows === undefined) throw new Error(`verify: ${kernel.ops.map((op) => op.kind).join(", ")} says nothing of its routing's rows`);
  return { rows, experts, topK };
}

/** Scores nearer to each other than this could change places with the last bits of a sum. */
const separation = 1e-5;

/** Draws the scores of tokens anew whose choice hangs on the last bits: then both sides choose the same. */
function separateScores(op: Op, inputs: Map<Value, Numbers>, random: Random): void {
  const { score } = routeAttrs(op.attrs) satisfies RouteAttrs;
  const logits = inputs.get(op.inputs[0]!);
  if (!(logits instanceof Float32Array)) return;
  const bias = op.inputs[1] && inputs.get(op.inputs[1]);
  const experts = last(op.inputs[0]!.type).size;
  for (let from = 0; from < logits.length; from += experts) {
    const row = logits.subarray(from, from + experts);
    for (let attempt = 0; attempt < 1000 && !isSeparated(); attempt++) fillNormal(row, random);
    function isSeparated(): boolean {
      const numbers = Float64Array.from(row);
      const p = score === "softmax" ? softmaxRow(numbers) : numbers.map((x) => 1 / (1 + Math.exp(-x)));
      const sums = p.map((x, e) => x + (bias?.[e] ?? 0)).sort();
      return sums.every((x, e) => e === 0 || x - sums[e - 1]! > separation);
    }
  }
}
