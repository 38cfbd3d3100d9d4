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

/** What one median says of another, beyond the spread of both. */
export type Verdict = "faster" | "slower" | "noise";

/** Half a hundredth: the same program, built and opened again, differs by that much. */
const again = 0.005;

/** A difference of times, and what it says. */
export interface Against {
  difference: number;
  /** Of the one that is compared with. */
  share: number;
  verdict: Verdict;
}

/**
 * Times of `a` against those of `b`: a difference of the medians that is smaller than the spread is noise. Measured in turn, `paired`, the
 * i-th of both had the same machine, and the spread is that of their differences; else it is the wider one of the two.
 */
export function compare(a: readonly number[], b: readonly number[], paired: boolean): Against {
  const [mine, other] = [spread(a), spread(b)];
  const turns = paired && a.length === b.length ? spread(a.map((time, i) => time - b[i]!)) : undefined;
  const difference = turns?.median ?? mine.median - other.median;
  const apart = ({ low, high }: Spread): number => high - low;
  const noise = Math.max(turns ? apart(turns) : Math.max(apart(mine), apart(other)), again * other.median);
  const verdict = !(Math.abs(difference) > noise) ? "noise" : difference < 0 ? "faster" : "slower";
  return { difference, share: difference / other.median, verdict };
}
