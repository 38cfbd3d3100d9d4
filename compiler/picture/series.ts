/** Long series made fit to draw. */

/** x, y. A y that is not finite is a gap in the line. */
export type Point = readonly [number, number];

/**
 * A moving mean over about `span` values around each, so that it does not lag behind a falling loss: as many before as after it,
 * but at the end, where only those before are there. Values that are not finite stay as they are and do not count.
 */
export function smoothed(points: readonly Point[], span: number): Point[] {
  const half = Math.floor(Math.max(1, span) / 2);
  const sums = [0];
  const counts = [0];
  for (const [i, [, y]] of points.entries()) {
    sums.push((sums[i] ?? 0) + (Number.isFinite(y) ? y : 0));
    counts.push((counts[i] ?? 0) + (Number.isFinite(y) ? 1 : 0));
  }
  return points.map(([x, y], i) => {
    if (!Number.isFinite(y)) return [x, y];
    const before = Math.min(half, i);
    const [from, to] = [i - before, Math.min(i + before + 1, points.length)];
    return [x, (sums[to]! - sums[from]!) / (counts[to]! - counts[from]!)];
  });
}

/** At most about `count` points, in their order: of each stretch the lowest and the highest, so that no spike is lost, and a gap. */
export function thinned(points: readonly Point[], count: number): readonly Point[] {
  const stretch = Math.ceil((2 * points.length) / Math.max(2, count));
  if (stretch <= 2) return points;
  const kept: Point[] = [];
  for (let from = 0; from < points.length; from += stretch) {
    let [low, high, gap] = [-1, -1, -1];
    for (let i = from; i < Math.min(from + stretch, points.length); i++) {
      const y = points[i]![1];
      if (!Number.isFinite(y)) gap = i;
      else {
        if (low < 0 || y < points[low]![1]) low = i;
        if (high < 0 || y > points[high]![1]) high = i;
      }
    }
    const chosen = [...new Set([low, high, gap])].filter((i) => i >= 0).sort((a, b) => a - b);
    for (const i of chosen) kept.push(points[i]!);
  }
  return kept;
}
