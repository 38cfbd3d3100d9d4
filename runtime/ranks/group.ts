/** The ranks of a run, as the training loop sees them: one process is a group of one. */
import type { Session } from "../session.js";
import type { Place } from "./environment.js";

export interface Group {
  readonly rank: number;
  readonly size: number;
  /** Rank 0 speaks for all: it writes metrics, samples and checkpoints, and shows how far the training is. */
  readonly leads: boolean;
  /** What the native code is to open its session with; absent for one process that nobody started as a rank. */
  readonly place?: Pick<Place, "rank" | "size" | "local" | "localSize" | "mpi">;
  /** Seconds after which a rank that others wait for counts as hung. */
  readonly timeout: number;
  /** A signal that whoever started the ranks passed on. */
  readonly signal: NodeJS.Signals | undefined;
  /** Says what comes now, for reports of faults: "step 12". */
  at(phase: string): void;
  /** Waits until all ranks have come to the meeting of this name; gives what each has brought, by rank. */
  meet<T>(name: string, value: T): Promise<readonly T[]>;
  /** One after the other where they share a disk: rank 0, the first ranks of other hosts, all the others. */
  inTurns<T>(name: string, work: () => Promise<T>): Promise<T>;
  /** Rank 0 works, the others wait. */
  leading(name: string, work: () => Promise<void>): Promise<void>;
  /**
   * Rank 0 works with whole tensors, which `read` gives; the others take part in collecting them. What it throws is thrown on
   * rank 0 only.
   */
  collecting(name: string, session: Session, work: (read: (tensor: string) => Promise<Uint8Array>) => Promise<void>): Promise<void>;
  /** Each value becomes its sum over all ranks, the same bits on each. */
  sum(session: Session, values: Float64Array): Promise<void>;
  /** The session that reports of faults ask where it is, and that is told to give up when all have to end; undefined before it is closed. */
  watch(session: Session | undefined): void;
}

/** One process. */
export const alone: Group = {
  rank: 0,
  size: 1,
  leads: true,
  timeout: 0,
  signal: undefined,
  at: () => undefined,
  meet: async (_, value) => [value],
  inTurns: (_, work) => work(),
  leading: (_, work) => work(),
  collecting: (_, session, work) => work((tensor) => session.read(tensor)),
  sum: async () => undefined,
  watch: () => undefined,
};
