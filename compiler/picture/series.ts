/** Long series made fit to draw. */

/** x, y. A y that is not finite is a gap in the line. */
export type Point = readonly [number, number];

/**
 * An exponential moving average, without the pull to zero at its start; about `span` values weigh in. Values that are not finite
 * stay as they are and do not count.
 */
export function smoothed(points: readonly Point[], span: number): Point[] {
  const keep = Math.max(0, 1 - 2 / (Math.max(1, span) + 1));
  let [sum, weight] = [0, 0];
  return points.map(([x, y]) => {
    if (!Number.isFinite(y)) return [x, y];
    sum = keep * sum + (1 - keep) * y;
    weight = keep * weight + (1 - keep);
    return [x, sum / weight];
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
