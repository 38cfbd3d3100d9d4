/** What a build for generating text is sized for, and what it says of its cache. */
import { type DType, size, type Value } from "./ir.js";
import type { ManifestCache, ManifestGeneration } from "./manifest.js";
import type { Caches } from "./passes/caches.js";
import type { AttentionFacts } from "./passes/incremental.js";

/** How attention goes on from token to token: over keys and values, or over what they are products of. */
export const mlaWays = ["auto", "absorb", "materialize"] as const;

export interface Generation {
  /** Tokens of one decode step: one for each request, or several of a prompt. */
  rows: number;
  /** Prompts that one prefill takes, and tokens of each; longer ones go on by rows. */
  sequences: number;
  window: number;
  /** Requests that the cache has room for, and tokens of each. */
  slots: number;
  context: number;
  /** `auto`: absorb where that keeps at most half the numbers. */
  mla: (typeof mlaWays)[number];
}

/** Completed for a model whose sequences are so long. */
export function generationOf(length: number, asked: Partial<Generation>): Generation {
  const { context = length, rows = 8 } = asked;
  const window = Math.min(asked.window ?? 128, context);
  return { rows, sequences: asked.sequences ?? 1, window, slots: asked.slots ?? rows, context, mla: asked.mla ?? "auto" };
}

/** For the manifest: where each cache lies, and how much a token takes. */
export function describeGeneration(
  sizes: Generation,
  { caches, attentions }: { caches: Caches; attentions: readonly AttentionFacts[] },
  places: { of(role: "cache", path: string): { buffer: { offset: number; bytes: number } } | undefined },
  bytesOf: (v: Value) => number,
): ManifestGeneration {
  const tokens = sizes.slots * sizes.context;
  const perToken = (v: Value): number => size(v.type) / tokens;
  return {
    ...sizes,
    ways: attentions.map(({ way }) => way),
    numbers: {
      kept: caches.all.reduce((n, { input }) => n + perToken(input), 0),
      plain: attentions.reduce((n, { layers, plain }) => n + layers * plain, 0),
    },
    bytesPerToken: caches.all.reduce((n, { input }) => n + perToken(input) * bytesOf(input), 0),
    cache: caches.all.map(({ name, what, input, stacked, origins }): ManifestCache => {
      const { offset, bytes } = places.of("cache", name)!.buffer;
      const [span] = origins[0] ?? [];
      return {
        name,
        what,
        dims: input.type.dims.map((d) => d.name),
        shape: input.type.dims.map((d) => d.size),
        stacked,
        dtype: dtypeOf(input.type.dtype, bytesOf(input)),
        offset,
        bytes,
        origin: span ? `${span.file}:${span.line}` : "",
      };
    }),
  };
}

const dtypeOf = (dtype: DType, bytes: number): ManifestCache["dtype"] => (dtype === "bf16" ? "BF16" : bytes === 8 ? "F64" : "F32");
