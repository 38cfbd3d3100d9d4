/** "Did you mean …?" */
import { closest, distance } from "fastest-levenshtein";

/** A help line with the most similar of `names`, or with all of them if none is similar and they are few. */
export function nearest(name: string, names: readonly string[]): { help?: string } {
  if (names.length === 0) return {};
  const best = closest(name, names as string[]);
  if (distance(name, best) <= Math.max(2, name.length / 3)) return { help: `did you mean ${best}?` };
  return names.length <= 12 ? { help: `there are: ${names.join(", ")}` } : {};
}
