/**
 * Which rank owns what: it alone keeps a part's optimizer state and moves its weights. One build serves any number of ranks, so
 * nothing that is emitted depends on this: the runtime hands the boundaries to the native code, and `mlac plan -n` prints them.
 */
import type { TrainedPart } from "../manifest.js";

/**
 * For each trained parameter, and each of its slices one behind the other: size + 1 boundaries in units. Rank r owns the units from
 * bounds[r] to bounds[r + 1].
 */
export type Bounds = readonly (readonly number[])[];

/** A unit's cost, in FLOPs: what it moves through memory counts as what a GPU could have computed in that time (H100: 990 TFLOP/s, 3.35 TB/s). */
const flopsOfAByte = 300;

/**
 * Every rank gets as many units of a slice as the others; those that are left over go to the ranks with the least to do so far, one each,
 * in rank order. The costliest units come first, so that small ones even out what they leave (Graham 1969: within 4/3 of the best).
 */
export function partition(parts: readonly TrainedPart[], size: number): Bounds {
  const load = new Array<number>(size).fill(0);
  const bounds: number[][] = parts.flatMap(({ slices }) => Array.from({ length: slices }, () => []));
  for (const { part, at } of slicesOf(parts).sort((a, b) => costOf(b.part) - costOf(a.part) || a.at - b.at)) {
    const cost = costOf(part);
    const each = Math.floor(part.units / size);
    const extra = new Set(leastLoaded(load, part.units % size));
    const ends = bounds[at]!;
    ends.push(0);
    for (let rank = 0; rank < size; rank++) {
      const units = each + (extra.has(rank) ? 1 : 0);
      ends.push(ends[rank]! + units);
      load[rank]! += units * cost;
    }
  }
  return bounds;
}

/** What the native code takes: all boundaries in one row. */
export const flatBounds = (bounds: Bounds): BigInt64Array => BigInt64Array.from(bounds.flat().map(BigInt));

/** What a rank owns of each parameter, in numbers. */
export function ownedElements(parts: readonly TrainedPart[], bounds: Bounds, rank: number): number[] {
  let at = 0;
  return parts.map(({ slices, elements }) => {
    const own = bounds.slice(at, at + slices);
    at += slices;
    return own.reduce((n, ends) => n + (ends[rank + 1]! - ends[rank]!) * elements, 0);
  });
}

/** The work of each rank in one update, in FLOPs. */
export function rankCosts(parts: readonly TrainedPart[], bounds: Bounds): number[] {
  const size = bounds.length === 0 ? 1 : bounds[0]!.length - 1;
  return Array.from({ length: size }, (_, rank) =>
    ownedElements(parts, bounds, rank).reduce((sum, n, i) => sum + (n / parts[i]!.elements) * costOf(parts[i]!), 0),
  );
}

const costOf = (part: TrainedPart): number => part.flops + flopsOfAByte * part.bytes;

/** `at`: its number among all slices of all parts. */
function slicesOf(parts: readonly TrainedPart[]): { part: TrainedPart; at: number }[] {
  return parts.flatMap((part) => Array.from({ length: part.slices }, () => part)).map((part, at) => ({ part, at }));
}

/** The `count` ranks with the least to do; of equals the lower rank. */
const leastLoaded = (load: readonly number[], count: number): number[] =>
  [...load.keys()].sort((a, b) => load[a]! - load[b]! || a - b).slice(0, count);
