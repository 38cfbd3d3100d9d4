/** What the CUDA templates of decoding's own forms need: sizes by the model's words, and bytes of workspace. */
import { type Dim, last, type Value } from "../../ir.js";
import { written } from "../../ops/cacheWrite.js";
import { latentOperands } from "../../ops/latentCachedAttention.js";
import { product, productName, stored } from "../access.js";
import { dimName } from "../names.js";
import type { OwnContext } from "../own.js";
import type { CudaOwnText } from "./own.js";
import { cType } from "./types.js";

/** Arrays of a workspace begin at multiples of so many bytes: room() of lib/workspace.cuh. */
const room = (bytes: number): number => Math.ceil(bytes / 256) * 256;
/** HEADS and LONG_PART of lib/decode_attention_tiles.cuh, and its AT_ONCE and TOKENS, which differ between Hopper and the others. */
const HEADS = 16;
const LONG_PART = 4096;
const devices = [
  { atOnce: 132, tokens: 64 },
  { atOnce: 108, tokens: 32 },
];

/** decode::workspace of lib/decode_attention_parts.cuh, for the kind of device that needs more. */
function partsWorkspace(rows: number, heads: number, groups: number, context: number, width: number): number {
  const blocks = rows * groups * Math.ceil(heads / groups / HEADS);
  const bytes = devices.map(({ atOnce, tokens }) => {
    const wanted = Math.max(1, Math.floor(atOnce / blocks), Math.ceil(context / LONG_PART));
    const parts = Math.min(Math.ceil(context / tokens), wanted);
    return parts === 1 ? 0 : room(4 * rows * heads * parts * width) + room(8 * rows * heads * parts);
  });
  return Math.max(...bytes);
}

const named = (dims: readonly Dim[]): string => (dims.length > 1 ? `(${productName(dims)})` : productName(dims));

export function cachedAttentionText({ op }: OwnContext): CudaOwnText {
  const [q, k, v] = op.inputs;
  const [batch, heads, width] = q!.type.dims as [Dim, Dim, Dim];
  const [, context, groups] = k!.type.dims as [Dim, Dim, Dim];
  const value = last(v!.type);
  const workspaceBytes = partsWorkspace(batch.size, heads.size, groups.size, context.size, value.size);
  return {
    fields: {
      batch: dimName(batch),
      heads: dimName(heads),
      groups: dimName(groups),
      context: dimName(context),
      width: dimName(width),
      value: dimName(value),
      workspace: workspaceBytes > 0 ? "workspace" : "nullptr",
    },
    workspaceBytes,
  };
}

export function latentCachedAttentionText({ op, names }: OwnContext): CudaOwnText {
  const { q, qRotary, latent, rotary, norm, slot, position } = latentOperands(op.inputs, op.attrs);
  const [batch, heads, width] = q.type.dims as [Dim, Dim, Dim];
  const context = latent.type.dims[1]!;
  const workspaceBytes = partsWorkspace(batch.size, heads.size, 1, context.size, width.size);
  const name = (v: Value | undefined): string => (v ? names.of(v) : "nullptr");
  return {
    fields: {
      batch: dimName(batch),
      heads: dimName(heads),
      context: dimName(context),
      width: dimName(width),
      turned: rotary ? dimName(last(rotary.type)) : "0",
      q: name(q),
      qRotary: name(qRotary),
      cached: [latent, rotary, norm].map(name).join(", "),
      rows: [slot, position].map(name).join(", "),
      workspace: workspaceBytes > 0 ? "workspace" : "nullptr",
    },
    workspaceBytes,
  };
}

export function linearByHeadText({ op }: OwnContext): CudaOwnText {
  const [x, w] = op.inputs;
  const [first, heads, second] = w!.type.dims as [Dim, Dim, Dim];
  return {
    fields: {
      rows: productName(x!.type.dims.slice(0, -2)),
      heads: dimName(heads),
      reads: dimName(op.attrs.back ? second : first),
      writes: dimName(op.attrs.back ? first : second),
    },
    workspaceBytes: 0,
  };
}

export function cacheWriteText({ op, names }: OwnContext): CudaOwnText {
  const n = written(op.inputs);
  const [slot, position] = op.inputs.slice(-2) as [Value, Value];
  const lead = op.attrs.window ? 2 : 1;
  const dims = op.inputs[0]!.type.dims;
  const kept = op.inputs.slice(0, n).map((v, i) => {
    const width = named(stored(v.type.dims.slice(lead)));
    return `{${names.of(v)}, ${names.of(op.outputs[i]!)}, ${width} * int(sizeof(${cType(v)}))}`;
  });
  return {
    fields: {
      rows: dimName(dims[0]!),
      length: op.attrs.window ? dimName(dims[1]!) : "1",
      window: String(op.attrs.window === true),
      context: dimName(op.outputs[0]!.type.dims[1]!),
      kept: kept.join(", "),
      slot: names.of(slot),
      position: names.of(position),
    },
    workspaceBytes: 0,
  };
}

/** Logits of rows (no `at`), or of one position of each sequence. */
export function nextLogitsText({ op }: OwnContext): CudaOwnText {
  const [x, w, at] = op.inputs;
  const [batch, length] = x!.type.dims as [Dim, Dim];
  const width = last(x!.type);
  return {
    fields: {
      batch: dimName(batch),
      length: at ? dimName(length) : false,
      width: dimName(width),
      vocabulary: dimName(w!.type.dims[0]!),
      aligned: String(width.size % 8 === 0),
      few: !at && batch.size <= 64 && width.size % 8 === 0,
    },
    workspaceBytes: 0,
  };
}

/** Tokens and experts for which lib/routing_few.cuh has one kernel: routes_few. */
export const routesFew = (logits: Value, topK: number): boolean =>
  product(stored(logits.type.dims).slice(0, -1)) * topK <= 1024 && last(logits.type).size <= 128;
