/** What the templates of forms of their own need to know beyond their operands' names: sizes, by the model's words. */
import { type Dim, last, type Op, type Value } from "../ir.js";
import { written } from "../ops/cacheWrite.js";
import { latentOperands } from "../ops/latentCachedAttention.js";
import type { Table } from "../ops/op.js";
import { productName as bareProduct, product, stored } from "./access.js";
import { dimName, type Names } from "./names.js";

export interface OwnText {
  fields: Record<string, string | boolean | readonly object[]>;
  /** Reals of workspace. */
  workspace: number;
}

export interface OwnContext {
  op: Op;
  names: Names;
  /** The op's constant tables, under their names here. */
  tables?: readonly Table[];
  /** Whether an output is added to what is there. */
  adds(v: Value): boolean;
  /** See KernelContext. */
  fewRows?: boolean | undefined;
}

/** Columns that lib/tile.h computes side by side are never fewer; the loss keeps two numbers for each such run of columns. */
const FEWEST_TILE_COLUMNS = 4;
/** Rows of logits of one product where the loss is computed without a gradient. */
const LOSS_ROWS = 256;

/** decode_workspace of lib/decode_attention.h: parts of [rows heads], each with so many numbers and two more. */
const DECODE_PARTS = 16;
const decodeWorkspace = (q: Value, { size }: Dim): number => product(q.type.dims.slice(0, 2)) * DECODE_PARTS * (size + 2);

/** A product that may stand anywhere in an expression. */
const productName = (dims: readonly Dim[]): string => (dims.length > 1 ? `(${bareProduct(dims)})` : bareProduct(dims));

const lead = (v: Value): readonly Dim[] => stored(v.type.dims).slice(0, -1);

const builders: Readonly<Record<string, (c: OwnContext) => OwnText>> = {
  attention,
  attentionGrad: attention,
  fill: ({ op }) => ({ fields: { count: productName(stored(op.outputs[0]!.type.dims)) }, workspace: 0 }),
  pick: ({ op }) => ({ fields: { count: productName(stored(op.outputs[0]!.type.dims)) }, workspace: 0 }),
  route: ({ op, names }) => {
    const [logits, bias] = op.inputs;
    const scoreFunction = `${op.attrs.score as string}_scores`;
    const fields = { ...routing(logits!, op), scoreFunction, bias: bias !== undefined, biasPointer: bias ? names.of(bias) : "nullptr" };
    return { fields, workspace: 0 };
  },
  routeGrad: ({ op }) => {
    const fields = { ...routing(op.inputs[0]!, op), scoreFunction: `${op.attrs.score as string}_scores` };
    return { fields, workspace: 0 };
  },
  combine: ({ op, names }) => {
    const [, slot, , gates] = op.inputs;
    const fields = {
      tokens: productName(lead(slot!)),
      topK: String(last(slot!.type).size),
      width: dimName(last(op.outputs[0]!.type)),
      gates: gates ? names.of(gates) : false,
    };
    return { fields, workspace: 0 };
  },
  combineGradGates: ({ op }) => {
    const [dy, , slot] = op.inputs;
    return {
      fields: { tokens: productName(lead(slot!)), topK: String(last(slot!.type).size), width: dimName(last(dy!.type)) },
      workspace: 0,
    };
  },
  lookup: ({ op }) => {
    const [w, ids] = op.inputs;
    return { fields: { tokens: productName(ids!.type.dims), width: dimName(last(w!.type)) }, workspace: 0 };
  },
  lookupGrad: ({ op, adds }) => {
    const [dy, ids] = op.inputs;
    const out = op.outputs[0]!;
    const fields = {
      tokens: productName(ids!.type.dims),
      width: dimName(last(dy!.type)),
      vocabulary: dimName(out.type.dims[0]!),
      adds: adds(out),
    };
    return { fields, workspace: 0 };
  },
  linearCrossEntropy: ({ op }) => {
    const [x, w, targets] = op.inputs;
    const rows = Math.min(LOSS_ROWS, product(targets!.type.dims));
    const runs = Math.ceil(w!.type.dims[0]!.size / FEWEST_TILE_COLUMNS);
    return { fields: { ...loss(x!, w!, targets!), rows: String(rows) }, workspace: 2 * rows * runs + rows };
  },
  linearCrossEntropyTrain: ({ op, adds }) => {
    const [x, w, targets] = op.inputs;
    const rows = op.attrs.rows as number;
    const fields = { ...loss(x!, w!, targets!), rows: String(rows), adds: adds(op.outputs[2]!) };
    return { fields, workspace: rows * w!.type.dims[0]!.size };
  },
  linearCrossEntropyGrad: ({ op, adds }) => {
    const [, x, w, targets] = op.inputs;
    const rows = Math.min(LOSS_ROWS, product(targets!.type.dims));
    const fields = { ...loss(x!, w!, targets!), rows: String(rows), adds: adds(op.outputs[1]!) };
    return { fields, workspace: rows * w!.type.dims[0]!.size };
  },
  nextLogits: ({ op }) => {
    const [x, w, at] = op.inputs;
    const [batch, length] = x!.type.dims;
    const fields = {
      batch: dimName(batch!),
      // Of whole sequences, one position's row.
      length: at ? dimName(length!) : false,
      width: dimName(last(x!.type)),
      vocabulary: dimName(w!.type.dims[0]!),
    };
    return { fields, workspace: 0 };
  },
  cacheWrite: ({ op, names }) => {
    const n = written(op.inputs);
    const [slot, position] = op.inputs.slice(-2);
    const values = op.inputs.slice(0, n);
    const lead = values[0]!.type.dims.slice(0, op.attrs.window ? 2 : 1);
    const kept = values.map((v, i) => ({
      value: names.of(v),
      cache: names.of(op.outputs[i]!),
      width: productName(v.type.dims.slice(lead.length)),
    }));
    const fields = { tokens: productName(lead), length: op.attrs.window ? dimName(lead[1]!) : false, kept };
    return { fields: { ...fields, context: "context", slot: names.of(slot!), position: names.of(position!) }, workspace: 0 };
  },
  cachedAttention: ({ op }) => {
    const [q, k, v] = op.inputs;
    const [batch, heads, width] = q!.type.dims;
    const fields = { batch: dimName(batch!), heads: dimName(heads!), groups: dimName(k!.type.dims[2]!), width: dimName(width!) };
    return {
      fields: { ...fields, value: dimName(last(v!.type)), context: dimName(k!.type.dims[1]!) },
      workspace: decodeWorkspace(q!, last(v!.type)),
    };
  },
  latentCachedAttention: ({ op, names }) => {
    const { q, qRotary, latent, rotary, norm, slot, position } = latentOperands(op.inputs, op.attrs);
    const [batch, heads, width] = q.type.dims;
    const name = (v: Value | undefined): string => (v ? names.of(v) : "nullptr");
    const fields = {
      batch: dimName(batch!),
      heads: dimName(heads!),
      width: dimName(width!),
      turned: rotary ? dimName(last(rotary.type)) : "0",
      context: dimName(latent.type.dims[1]!),
      operands: [q, qRotary, latent, rotary, norm, slot, position].map(name).join(", "),
    };
    return { fields, workspace: decodeWorkspace(q, width!) };
  },
  linearByHead: ({ op }) => {
    const [x, w] = op.inputs;
    const [reads, heads, writes] = w!.type.dims;
    const fields = {
      rows: productName(x!.type.dims.slice(0, -2)),
      heads: dimName(heads!),
      first: dimName(reads!),
      second: dimName(writes!),
    };
    return { fields, workspace: 0 };
  },
};

export function ownText(context: OwnContext): OwnText {
  const build = builders[context.op.kind];
  if (!build) throw new Error(`no template data for ${context.op.kind}`);
  return build(context);
}

function attention({ op }: OwnContext): OwnText {
  const [q, k, v] = op.inputs;
  const dims = q!.type.dims;
  const [length, heads, width] = dims.slice(-3);
  const fields = {
    batch: productName(dims.slice(0, -3)),
    length: dimName(length!),
    heads: dimName(heads!),
    groups: dimName(k!.type.dims[k!.type.dims.length - 2]!),
    width: dimName(width!),
    value: dimName(last(v!.type)),
  };
  return { fields, workspace: 0 };
}

function routing(scores: Value, op: Op): Record<string, string> {
  return { tokens: productName(lead(scores)), experts: dimName(last(scores.type)), topK: String(op.attrs.topK as number) };
}

const loss = (x: Value, w: Value, targets: Value): Record<string, string> => ({
  tokens: productName(targets.type.dims),
  width: dimName(last(x.type)),
  vocabulary: dimName(w.type.dims[0]!),
});
