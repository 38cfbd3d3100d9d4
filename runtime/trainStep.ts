/** One optimizer step by all ranks of a group: their micro-batches, the update, and what they then agree on. */
import type { Batches } from "./batches.js";
import type { Traffic } from "./place.js";
import type { Group } from "./ranks/group.js";
import { injectFault, injectFaultWhen } from "./ranks/injected.js";
import { isWaiting } from "./ranks/messages.js";
import type { Session } from "./session.js";

/** The same on all ranks. */
export interface StepResult {
  /** Means over the step's micro-batches. */
  loss: number;
  balance: number;
  /** Of all gradients together, before clipping. */
  norm: number;
  /** The first rank with a loss that is not finite. */
  worstRank?: number;
  /** A signal that any rank has got. */
  signal?: NodeJS.Signals;
  /** Of all ranks: bytes in all, and the longest waits. Absent for one process. */
  traffic?: Traffic;
}

export interface StepParts {
  session: Session;
  train: Batches;
  group: Group;
  /** Micro-batches of a step, by all ranks together. */
  accumulate: number;
  clip: number;
  /** What this rank has got so far. */
  received: () => NodeJS.Signals | undefined;
}

const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Micro-batch m·N + r of a step is the m-th of rank r of N, so the step's batch is the same whatever N. Each loss has a place of
 * its own in the one sum over ranks, and is added up in the order in which one process has them: the same bits.
 */
export async function trainStep(parts: StepParts, step: number, rate: number): Promise<StepResult> {
  const { session, train, group, accumulate, clip, received } = parts;
  const { rank, size } = group;
  const losses = new Float64Array(accumulate);
  const balances = new Float64Array(accumulate);
  await injectFault(`step ${step}:begin`, rank, session);
  for (let micro = rank; micro < accumulate; micro += size) {
    train.skip(rank);
    const { tokens, targets } = train.next();
    train.skip(size - 1 - rank);
    const last = micro + size >= accumulate;
    const calls = last ? faultsWithin(step, rank, session) : [];
    const found = await session.microStep(tokens, targets, 1 / accumulate, micro === rank, last);
    for (const call of calls) call();
    losses[micro] = found.loss;
    balances[micro] = found.balance;
  }
  const { norm } = await session.update(step, rate, clip);
  const mean = (values: Float64Array): number => values.reduce((sum, one) => sum + one / accumulate, 0);
  if (group.place === undefined) return { loss: mean(losses), balance: mean(balances), norm, ...signalOf(received()) };

  const flags = signals.map((name) => (received() === name ? 1 : 0));
  const { bytes, gradientBytes, microStepSeconds, updateSeconds } = await session.traffic();
  const waits = new Float64Array(2 * size);
  waits.set([microStepSeconds, updateSeconds], 2 * rank);
  const all = Float64Array.from([...losses, ...balances, ...flags, bytes, gradientBytes, ...waits]);
  await group.sum(session, all);
  const [summed, flagged, sent, waited] = split(all, [2 * accumulate, signals.length, 2, 2 * size]);
  const bad = summed.findIndex((value) => !Number.isFinite(value));
  return {
    loss: mean(summed.subarray(0, accumulate)),
    balance: mean(summed.subarray(accumulate)),
    norm,
    ...(bad < 0 ? {} : { worstRank: (bad % accumulate) % size }),
    ...signalOf(signals.find((_, i) => (flagged[i] ?? 0) > 0)),
    traffic: {
      bytes: sent[0] ?? 0,
      gradientBytes: sent[1] ?? 0,
      microStepSeconds: Math.max(...waited.filter((_, i) => i % 2 === 0)),
      updateSeconds: Math.max(...waited.filter((_, i) => i % 2 === 1)),
    },
  };
}

/** Whether any rank has got a signal: all ranks ask it together. */
export async function agreeOnSignal({ session, group, received }: StepParts): Promise<NodeJS.Signals | undefined> {
  if (group.place === undefined) return received();
  const flags = Float64Array.from(signals, (name) => (received() === name ? 1 : 0));
  await group.sum(session, flags);
  return signals.find((_, i) => (flags[i] ?? 0) > 0);
}

const signalOf = (signal: NodeJS.Signals | undefined): Pick<StepResult, "signal"> => (signal === undefined ? {} : { signal });

function split(
  all: Float64Array,
  lengths: readonly [number, number, number, number],
): [Float64Array, Float64Array, Float64Array, Float64Array] {
  const [a, b, c, d] = lengths;
  return [all.subarray(0, a), all.subarray(a, a + b), all.subarray(a + b, a + b + c), all.subarray(a + b + c, a + b + c + d)];
}

/** Faults for tests, in the backward pass and in its collectives. */
function faultsWithin(step: number, rank: number, session: Session): (() => void)[] {
  const waits = (): boolean => isWaiting(session.where());
  return [injectFaultWhen(`step ${step}:backward`, rank, () => true), injectFaultWhen(`step ${step}:reduce`, rank, waits)];
}
