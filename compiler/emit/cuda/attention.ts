/** What the templates of attention and its gradients need: sizes by the model's words, and bytes of workspace. */
import { type Dim, last } from "../../ir.js";
import { product, productName, stored } from "../access.js";
import { dimName } from "../names.js";
import type { OwnContext } from "../own.js";
import type { CudaOwnText } from "./own.js";

/** Arrays of a workspace begin at multiples of so many bytes: room() of lib/workspace.cuh. */
const room = (bytes: number): number => Math.ceil(bytes / 256) * 256;
/** Widths are padded to it: padded() of lib/attention_tiles.cuh. */
const PADDING = 32;
/** Rows of queries are counted in tiles of it. */
const QUERIES = 64;
/** Rows of keys of a block on Hopper. */
const KEYS = 128;

const named = (dims: readonly Dim[]): string => (dims.length > 1 ? `(${productName(dims)})` : productName(dims));

export function attentionText({ op }: OwnContext): CudaOwnText {
  const [q, k, v] = op.inputs;
  const dims = stored(q!.type.dims);
  const [length, heads, width] = dims.slice(-3) as [Dim, Dim, Dim];
  const batch = dims.slice(0, -3);
  const fields = {
    batch: named(batch),
    length: dimName(length),
    heads: dimName(heads),
    groups: dimName(k!.type.dims[k!.type.dims.length - 2]!),
    width: dimName(width),
    value: dimName(last(v!.type)),
  };
  return {
    fields,
    workspaceBytes: op.kind === "attentionGrad" ? backwardWorkspace(product(batch), length.size, heads.size, width.size) : 0,
  };
}

export function latentAttentionText({ op, tables = [], adds }: OwnContext): CudaOwnText {
  const [q, , kWeight, vWeight, rotary] = op.inputs;
  const dims = stored(q!.type.dims);
  const [length, heads, width] = dims.slice(-3) as [Dim, Dim, Dim];
  const [rank, groups, plain] = kWeight!.type.dims as [Dim, Dim, Dim];
  const batch = dims.slice(0, -3);
  const [cosine, sine] = tables;
  const tiles = product(batch) * groups.size * Math.ceil(length.size / KEYS);
  return {
    fields: {
      batch: named(batch),
      length: dimName(length),
      heads: dimName(heads),
      groups: dimName(groups),
      plain: dimName(plain),
      rotary: dimName(last(rotary!.type)),
      value: dimName(last(vWeight!.type)),
      rank: dimName(rank),
      cosine: cosine!.name,
      sine: sine!.name,
      adds: op.outputs[4] ? String(adds(op.outputs[4])) : false,
    },
    // latent_attention_workspace of lib/attention_hopper_latent_backward.cuh
    workspaceBytes:
      op.kind === "latentAttention"
        ? 0
        : room(4 * tiles * width.size) + backwardWorkspace(product(batch), length.size, heads.size, width.size),
  };
}

/** attention_backward_workspace of lib/attention_backward.cuh. */
function backwardWorkspace(batch: number, length: number, heads: number, width: number): number {
  const queries = batch * heads * Math.ceil(length / QUERIES) * QUERIES;
  const padded = Math.ceil(width / PADDING) * PADDING;
  return room(8 * queries) + room(4 * queries * padded) + room(4 * (Math.floor(queries / 32) + 1));
}
