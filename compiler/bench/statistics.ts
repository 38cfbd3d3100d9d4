/** Medians and quartiles: what a few odd measurements cannot move. */
export interface Spread {
  median: number;
  /** A quarter of the values lie below `low`, a quarter above `high`. */
  low: number;
  high: number;
  least: number;
  count: number;
}

export function spread(values: readonly number[]): Spread {
  const sorted = [...values].sort((a, b) => a - b);
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const below = Math.floor(place);
    const [a = Number.NaN, b = a] = sorted.slice(below, below + 2);
    return a + (place - below) * (b - a);
  };
  return { median: at(0.5), low: at(0.25), high: at(0.75), least: at(0), count: sorted.length };
}

export const median = (values: readonly number[]): number => spread(values).median;

/** The quartiles' distance as a share of the median. */
export const width = ({ median, low, high }: Spread): number => (high - low) / median;
