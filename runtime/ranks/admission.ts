/** Which ranks the control channel takes. */
import type { Hello } from "./messages.js";

/** Why this one is not taken: of another number of ranks, of another mlac, or there already. */
export function refusalOf(
  { rank, size, mlac }: Hello,
  own: { size: number; mlac: string },
  taken: ReadonlyMap<number, unknown>,
): string | undefined {
  if (size !== own.size) return `rank ${rank} was started as one of ${size} ranks, and rank 0 as one of ${own.size}`;
  if (mlac !== own.mlac) return `rank ${rank} runs mlac ${mlac}, and rank 0 mlac ${own.mlac}`;
  return taken.has(rank) ? `rank ${rank} was started twice` : undefined;
}
