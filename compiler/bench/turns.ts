/** Rounds of several programs in turn; on the processor, those count in which other programs left it to them. */
import { calm, watched } from "./machine.js";
import type { Side, Steps } from "./side.js";
import type { Question } from "./worker.js";

export interface Turn {
  side: Side;
  /** Steps a round. */
  steps: number;
  rounds: Steps[];
}

/** So many rounds say more, if they were quiet, than many that were not. */
const fewest = 3;
/** Milliseconds that are waited for a quiet machine, in all. */
const patience = 45_000;

interface Round<T> {
  taken: Map<T, Steps>;
  others: number;
}

/**
 * Takes `wanted` rounds that count, and up to three times as many to find them. Gives the share of the processors that other programs had
 * in the rounds that were taken. `attempt` runs a program's part of a round, if it is still there.
 */
export async function takeTurns<T extends Turn>(
  wanted: number,
  all: readonly T[],
  /** The share of the processors that other programs may have in a round that counts; absent on a GPU. */
  quiet: number | undefined,
  attempt: (one: T, work: () => Promise<void>) => Promise<unknown>,
): Promise<number> {
  const rounds: Round<T>[] = [];
  const end = performance.now() + patience;
  const counted = (): Round<T>[] => rounds.filter(({ others }) => others <= (quiet ?? 1));
  while (counted().length < wanted && rounds.length < 3 * wanted) {
    if (quiet !== undefined) await calm(quiet, end);
    const taken = new Map<T, Steps>();
    let own = 0;
    // Nobody is always the first, and everybody has a step to get its threads awake and its data into the caches.
    const first = rounds.length % Math.max(1, all.length);
    const order = [...all.slice(first), ...all.slice(0, first)];
    const { others } = await watched(
      async () => {
        for (const one of order)
          await attempt(one, async () => {
            own += (await one.side.ask<Steps>({ warm: 1 } satisfies Question)).cpuSeconds;
            const steps = await one.side.steps(one.steps);
            own += steps.cpuSeconds;
            taken.set(one, steps);
          });
      },
      () => own,
    );
    rounds.push({ taken, others: quiet === undefined ? 0 : others });
    if (taken.size === 0) break;
  }
  const used = counted().length >= fewest ? counted() : rounds;
  for (const one of all) one.rounds = used.flatMap(({ taken }) => taken.get(one) ?? []);
  return Math.max(0, ...used.map(({ others }) => others));
}
