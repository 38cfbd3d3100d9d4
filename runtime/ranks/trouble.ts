/** What can go wrong with a group of ranks, found in what was last heard of each. */
import type { Diagnostic } from "../../compiler/diagnostics.js";
import { type Doing, isWaiting } from "./messages.js";

/** What the hub knows of a rank that has come. Times are the hub's clock, in seconds. */
export interface Seat {
  rank: number;
  host: string;
  pid: number;
  where: Doing;
  /** When it was last heard, and since when it has been in the collective that it is in. */
  heard: number;
  since: number;
  state: "here" | "finished" | "gone";
  /** When its connection closed. */
  left?: number;
  failure?: { diagnostics: readonly Diagnostic[]; code: number; at: number };
}

export type Trouble =
  | { is: "missing"; ranks: readonly number[] }
  | { is: "gone"; ranks: readonly number[] }
  | { is: "silent"; ranks: readonly number[] }
  | { is: "stalled"; ranks: readonly number[]; waiting: readonly number[] }
  | { is: "failed"; ranks: readonly number[]; code: number; diagnostics: readonly Diagnostic[] };

export interface Limits {
  /** Ranks in all. */
  size: number;
  /** Seconds of silence, or of waiting in one collective, after which a rank counts as hung. */
  timeout: number;
  /** The same until all have begun to train, and for all to come. */
  patience: number;
}

/** Ranks that are too late: with what they were to bring, or with a word that they are alive. */
export function findLate(seats: ReadonlyMap<number, Seat>, now: number, limits: Limits, training: boolean): Trouble | undefined {
  const { size, timeout, patience } = limits;
  if (seats.size < size) return now > patience ? { is: "missing", ranks: absent(seats, size) } : undefined;
  const here = [...seats.values()].filter(({ state }) => state === "here");
  const allowed = training ? timeout : patience;
  // Where a host is gone, its ranks were last heard one soon after the other.
  if (here.some(({ heard }) => now - heard > allowed))
    return { is: "silent", ranks: numbers(here.filter(({ heard }) => now - heard > 0.7 * allowed)) };
  const waiting = here.filter(({ where, since }) => isWaiting(where) && now - since > timeout);
  return waiting.length > 0 ? { is: "stalled", ranks: waitedFor(here), waiting: numbers(waiting) } : undefined;
}

/**
 * The cause, where ranks have gone or failed. One that goes makes others fail in their collectives (run/failed), and one that
 * fails by itself may take others along: the first of these that is no consequence is the cause.
 */
export function findCause(seats: ReadonlyMap<number, Seat>): Trouble | undefined {
  const failed = [...seats.values()].filter(({ failure }) => failure !== undefined).sort((a, b) => a.failure!.at - b.failure!.at);
  const gone = [...seats.values()].filter(({ state, failure }) => state === "gone" && failure === undefined);
  const [first] = failed;
  const own = failed.find(({ failure }) => failure!.diagnostics[0]?.slug !== "run/failed");
  const earliest = Math.min(...gone.map(({ left = 0 }) => left));
  if (own && own.failure!.at < earliest) return failure(own, failed);
  if (gone.length > 0) return { is: "gone", ranks: numbers(gone) };
  return own ? failure(own, failed) : first && failure(first, failed);
}

/** All those who failed with the same words; the lowest rank's count. */
function failure(one: Seat, all: readonly Seat[]): Trouble {
  const wordsOf = ({ failure: found }: Seat): string => JSON.stringify(found!.diagnostics.map(({ slug, message }) => [slug, message]));
  const failed = all.filter((other) => wordsOf(other) === wordsOf(one)).sort((a, b) => a.rank - b.rank);
  const { diagnostics, code } = (failed[0] ?? one).failure!;
  return { is: "failed", ranks: numbers(failed), code, diagnostics };
}

type Standing = Pick<Seat, "rank" | "where">;

/** Those that all others wait for: they are in no collective, or in an earlier one than the others. */
export function waitedFor(here: readonly Standing[]): number[] {
  const waiting = here.filter(({ where }) => isWaiting(where));
  if (waiting.length < here.length) return numbers(here.filter((one) => !waiting.includes(one)));
  const first = Math.min(...waiting.map(({ where }) => where.sequence));
  const behind = waiting.filter(({ where }) => where.sequence === first);
  return behind.length < waiting.length ? numbers(behind) : [];
}

/** Those that have not come as far as this one. */
export function behind(one: Standing, here: readonly Standing[]): number[] {
  const { sequence } = one.where;
  return numbers(here.filter(({ rank, where }) => rank !== one.rank && where.sequence < sequence + (isWaiting(where) ? 0 : 1)));
}

export const absent = (seats: ReadonlyMap<number, unknown>, size: number): number[] =>
  Array.from({ length: size }, (_, rank) => rank).filter((rank) => !seats.has(rank));

const numbers = (seats: readonly Pick<Seat, "rank">[]): number[] => seats.map(({ rank }) => rank).sort((a, b) => a - b);
