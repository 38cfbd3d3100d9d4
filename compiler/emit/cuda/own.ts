/**
 * What the CUDA templates of forms of their own need to know beyond their operands' names: sizes, by the model's words, and the
 * bytes of workspace that the library's functions share out among their arrays (templates/cuda/lib).
 */
import { type Dim, last, type Op, type Value } from "../../ir.js";
import { product, productName, stored } from "../access.js";
import { dimName } from "../names.js";
import type { OwnContext } from "../own.js";
import { attentionText, latentAttentionText } from "./attention.js";
import { cachedAttentionText, cacheWriteText, latentCachedAttentionText, linearByHeadText, nextLogitsText, routesFew } from "./decode.js";
import { cType } from "./types.js";

export interface CudaOwnText {
  fields: Record<string, string | boolean>;
  workspaceBytes: number;
}

/** Elements that a thread moves at a time: rows of a multiple of it are aligned to 16 bytes. */
const RUN = 8;
/** ROUTE_CHUNK of lib/routing.cuh: tokens of one block. */
const ROUTE_CHUNK = 64;
/** LOOKUP_CHUNK, DIGITS, PIECE and PIECE_COLUMNS of lib/lookup.cuh. */
const LOOKUP_CHUNK = 1024;
const DIGITS = 512;
const PIECE = 64;
const PIECE_COLUMNS = 256;
/** SLICE of lib/cross_entropy.cuh: columns whose logits leave one sum. */
const SLICE = 64;
/** Rows of logits of one product: where only sums of them are kept, and where their gradients are. */
const LOSS_ROWS = 4096;
const GRADIENT_ROWS = 2048;

const builders: Readonly<Record<string, (c: OwnContext) => CudaOwnText>> = {
  attention: attentionText,
  attentionGrad: attentionText,
  latentAttention: latentAttentionText,
  latentAttentionGrad: latentAttentionText,
  pick: ({ op }) => free({ count: productName(stored(op.outputs[0]!.type.dims)), type: cType(op.outputs[0]!) }),
  fill: ({ op }) => free({ count: productName(stored(op.outputs[0]!.type.dims)) }),
  route: ({ op, names, fewRows }) => {
    const [logits, bias] = op.inputs;
    const few = fewRows === true && routesFew(logits!, op.attrs.topK as number);
    const counts = Math.ceil(product(lead(logits!)) / ROUTE_CHUNK) * last(logits!.type).size;
    const fields = { ...routing(logits!, op), few, bias: bias !== undefined, biasPointer: bias ? names.of(bias) : "nullptr" };
    return { fields, workspaceBytes: few ? 0 : room(4 * counts) + room(4 * counts) };
  },
  routeGrad: ({ op }) => free(routing(op.inputs[0]!, op)),
  combine: ({ op, names, fewRows }) => {
    const [, slot, , gates] = op.inputs;
    const width = last(op.outputs[0]!.type);
    return free({
      tokens: productName(lead(slot!)),
      topK: String(last(slot!.type).size),
      width: dimName(width),
      aligned: aligned(width.size),
      gated: gates !== undefined,
      overlaps: String(fewRows === true),
      gates: gates ? names.of(gates) : "nullptr",
    });
  },
  combineGradGates: ({ op }) => {
    const [dy, , slot] = op.inputs;
    const width = last(dy!.type);
    return free({
      tokens: productName(lead(slot!)),
      topK: String(last(slot!.type).size),
      width: dimName(width),
      aligned: aligned(width.size),
    });
  },
  lookup: ({ op }) => {
    const [w, ids] = op.inputs;
    const width = w!.type.dims.slice(1);
    return free({ tokens: productName(ids!.type.dims), width: productName(width), aligned: aligned(product(width)) });
  },
  lookupGrad: ({ op, adds }) => {
    const ids = op.inputs[1]!;
    const out = op.outputs[0]!;
    const width = out.type.dims.slice(1);
    const tokens = product(ids.type.dims);
    const edges = 2 * Math.ceil(tokens / PIECE) * Math.ceil(product(width) / PIECE_COLUMNS) * PIECE_COLUMNS;
    const fields = {
      tokens: productName(ids.type.dims),
      vocabulary: dimName(out.type.dims[0]!),
      width: productName(width),
      aligned: aligned(product(width)),
      adds: String(adds(out)),
    };
    return { fields, workspaceBytes: 4 * room(4 * tokens) + room(4 * Math.ceil(tokens / LOOKUP_CHUNK) * DIGITS) + room(4 * edges) };
  },
  linearCrossEntropy: ({ op }) => {
    const [x, w, targets] = op.inputs;
    const { fields, tokens, rows, slices } = loss(x!, w!, targets!, LOSS_ROWS);
    return { fields, workspaceBytes: room(8 * rows * slices) + room(4 * rows) + room(4 * tokens) };
  },
  linearCrossEntropyTrain: ({ op, adds }) => {
    const [x, w, targets] = op.inputs;
    const { fields, tokens, rows, slices, width, vocabulary } = loss(x!, w!, targets!, op.attrs.rows as number);
    const parts = hiddenParts(rows, width, vocabulary);
    const ofRows = room(2 * rows * vocabulary) + room(4 * Math.ceil(rows / 8) * 8 * slices) + room(2 * rows * width) + room(4 * rows);
    const ofParts = parts > 1 ? room(4 * parts * rows * width) : 0;
    return {
      fields: { ...fields, adds: String(adds(op.outputs[2]!)) },
      workspaceBytes: ofRows + ofParts + room(8 * tokens) + room(4 * tokens),
    };
  },
  linearCrossEntropyGrad: ({ op, adds }) => {
    const [, x, w, targets] = op.inputs;
    const { fields, rows, vocabulary } = loss(x!, w!, targets!, GRADIENT_ROWS);
    return { fields: { ...fields, adds: String(adds(op.outputs[1]!)) }, workspaceBytes: room(2 * rows * vocabulary) };
  },
  nextLogits: nextLogitsText,
  cacheWrite: cacheWriteText,
  cachedAttention: cachedAttentionText,
  latentCachedAttention: latentCachedAttentionText,
  linearByHead: linearByHeadText,
};

export function cudaOwnText(context: OwnContext): CudaOwnText {
  const build = builders[context.op.kind];
  if (!build) throw new Error(`no CUDA template data for ${context.op.kind}`);
  return build(context);
}

/** `room` of lib/workspace.cuh: bytes of one array of a workspace. */
const room = (bytes: number): number => 256 * Math.ceil(bytes / 256);

const free = (fields: CudaOwnText["fields"]): CudaOwnText => ({ fields, workspaceBytes: 0 });

/** Template arguments of the library. */
const aligned = (...sizes: number[]): string => String(sizes.every((n) => n % RUN === 0));

const lead = (v: Value): readonly Dim[] => stored(v.type.dims).slice(0, -1);

function routing(scores: Value, op: Op): Record<string, string> {
  return {
    tokens: productName(lead(scores)),
    experts: dimName(last(scores.type)),
    topK: String(op.attrs.topK as number),
    score: `Score::${op.attrs.score as string}`,
  };
}

/** LossSizes::parts of lib/cross_entropy.cuh: into how many parts the hidden gradient's product cuts the vocabulary. */
function hiddenParts(rows: number, width: number, vocabulary: number): number {
  const tiles = Math.ceil(rows / 128) * Math.ceil(width / 256);
  let parts = 1;
  while (parts < 8 && parts * tiles < 320 && vocabulary % (128 * parts) === 0 && vocabulary / (2 * parts) >= 1024) parts *= 2;
  return parts;
}

function loss(x: Value, w: Value, targets: Value, mostRows: number) {
  const width = last(x.type);
  const vocabulary = w.type.dims[0]!;
  const tokens = product(targets.type.dims);
  const rows = Math.min(mostRows, tokens);
  const fields = {
    tokens: productName(targets.type.dims),
    width: dimName(width),
    vocabulary: dimName(vocabulary),
    rows: String(rows),
    aligned: aligned(width.size, vocabulary.size),
  };
  return { fields, tokens, rows, slices: Math.ceil(vocabulary.size / SLICE), width: width.size, vocabulary: vocabulary.size };
}
