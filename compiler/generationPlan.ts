/** `mlac plan --decode`: what a token takes in the cache, and how long a context fits. */
import { columns } from "./columns.js";
import type { Manifest, ManifestCache, ManifestGeneration } from "./manifest.js";
import { binary, describeMemory, type Room } from "./memory.js";

/** Of one attention, or of all layers that have one. */
export interface LayerCache {
  /** "cache.layers.attn" */
  name: string;
  origin: string;
  way: "absorb" | "materialize";
  layers: number;
  /** Numbers and bytes of a token in one of the layers. */
  numbers: number;
  bytes: number;
  parts: { what: ManifestCache["what"]; dims: string; numbers: number }[];
}

/** So many requests of so many tokens each. */
export interface Fit {
  requests: number;
  context: number;
}

const bytesOf = { F32: 4, F64: 8, BF16: 2 } as const;

const product = (sizes: readonly number[]): number => sizes.reduce((n, s) => n * s, 1);

export function layerCaches({ cache }: ManifestGeneration): LayerCache[] {
  const found = new Map<string, LayerCache>();
  for (const { name, what, dims, shape, stacked, dtype, origin } of cache) {
    const block = name.slice(0, name.lastIndexOf("."));
    const numbers = product(shape.slice(stacked + 2));
    const way = what === "keys" || what === "values" ? "materialize" : "absorb";
    const layer = found.get(`${block} ${origin}`) ?? {
      name: block,
      origin,
      way,
      layers: product(shape.slice(0, stacked)),
      numbers: 0,
      bytes: 0,
      parts: [],
    };
    layer.numbers += numbers;
    layer.bytes += numbers * bytesOf[dtype];
    layer.parts.push({ what, dims: dims.slice(stacked + 2).join(" "), numbers });
    found.set(`${block} ${origin}`, layer);
  }
  return [...found.values()];
}

/** Everything but what grows with the context is taken off the room; tables of angles grow with it, but not with the requests. */
export function contextsThatFit({ memory, generation }: Manifest, room: Room, threads: number): Fit[] {
  const { bytesPerToken, context } = generation!;
  const fixed = memory.total - (memory.kinds.cache ?? 0) - memory.kinds.tables + memory.scratchPerThread * threads;
  return [1, 8, 64, 256].map((requests) => ({
    requests,
    context: Math.max(0, Math.floor((room.bytes - fixed) / (bytesPerToken * requests + memory.kinds.tables / context))),
  }));
}

export function describeGenerationPlan(manifest: Manifest, threads: number, room: Room | undefined): string {
  const generation = manifest.generation!;
  const { numbers, bytesPerToken, slots, context, rows, window } = generation;
  const count = (n: number): string => n.toLocaleString("en-US");
  const layers = layerCaches(generation).map((layer) => [
    `  ${layer.name.replace(/^cache\./, "")}`,
    layer.way,
    layer.parts.map(({ what, dims, numbers }) => `${what} ${dims} ${numbers}`).join(" + "),
    `${count(layer.numbers)} numbers`,
    binary(layer.bytes),
    layer.layers === 1 ? "" : `x ${layer.layers} layers`,
    layer.origin,
  ]);
  const times = numbers.plain / numbers.kept;
  const compared = times < 1.05 && times > 0.95 ? "as many as" : `${times.toFixed(1)} times fewer than`;
  const fits = room === undefined || bytesPerToken === 0 ? [] : contextsThatFit(manifest, room, threads);
  return [
    describeMemory(manifest, threads, room),
    "",
    `sizes: ${slots} requests of up to ${count(context)} tokens, ${rows} rows a step, ${window} tokens of a prompt at once`,
    "",
    ...(layers.length === 0
      ? ["nothing is kept of a token: no attention looks back"]
      : [
          "what a token takes in the cache",
          ...columns(layers, [3, 4]),
          `  in all ${count(numbers.kept)} numbers, ${binary(bytesPerToken)}: ${compared} the ${count(numbers.plain)} of keys and values of all heads`,
        ]),
    ...(fits.length === 0
      ? []
      : [
          "",
          `contexts that fit into ${room!.whose} ${binary(room!.bytes)}`,
          ...columns(
            fits.map((fit) => [
              `  ${count(fit.requests)} ${fit.requests === 1 ? "request" : "requests"}`,
              fit.context > 0 ? `${count(fit.context)} tokens` : "none",
            ]),
            [1],
          ),
        ]),
  ].join("\n");
}
