/** "Did you mean …?" */
import { closest, distance } from "fastest-levenshtein";

/** A help line with the most similar of `names`, or with all of them if none is similar and they are few. */
export function nearest(name: string, names: readonly string[]): { help?: string } {
  if (names.length === 0) return {};
  const best = closest(name, names as string[]);
  const changes = distance(name.toLowerCase(), best.toLowerCase());
  const alike = changes <= Math.max(2, name.length / 3) && changes < Math.max(name.length, best.length);
  if (alike) return { help: `did you mean ${best}?` };
  return names.length <= 12 ? { help: `there are: ${names.join(", ")}` } : {};
}
