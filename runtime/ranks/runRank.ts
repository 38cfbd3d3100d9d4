/** What a process does that was started as a rank: joins the others, works, and ends with them, whatever happens to any of them. */
import { type Diagnostic, MlacError } from "../../compiler/diagnostics.js";
import { Progress, type Show } from "../progress.js";
import { exitCodeOf } from "../signals.js";
import { describePlace, type Place } from "./environment.js";
import { faultReport } from "./faultReport.js";
import { Hub, type Verdict } from "./hub.js";
import { injectFault } from "./injected.js";
import { type Lost, Member } from "./member.js";
import type { Heard } from "./messages.js";
import { RankGroup } from "./rankGroup.js";

export interface RankOptions {
  mlac: string;
  /** Seconds. */
  timeout: number;
  /** What an error is to the user. */
  diagnose: (error: unknown) => { diagnostics: readonly Diagnostic[]; code: number };
  /** Prints the one report, at once. */
  report: (diagnostics: readonly Diagnostic[]) => void;
}

/** At the start, ranks wait so many times as long as later: machines start, models are built. */
export const startFactor = 5;

/** Milliseconds: for a report to be made; for native calls to return once they are told to give up; for other ranks to leave before rank 0 does. */
const reporting = 700;
const returning = 2500;
const leaving = 3000;

/**
 * Joins, works and leaves. `work` is called when all ranks have come; what it gives goes to whoever started the ranks. On a fault
 * of any rank the process ends here. Errors: run/port, run/ranks, before it has joined.
 */
export async function runRank<T>(place: Place, options: RankOptions, work: (group: RankGroup, show: Show) => Promise<T>): Promise<T> {
  const { mlac, timeout, diagnose, report } = options;
  const { rank, size, token, served } = place;
  await injectFault("start", rank);
  const release = waitForReport(served);
  const limits = { size, timeout, patience: startFactor * timeout };
  const hub = rank === 0 && !served ? await Hub.open(undefined, place.ports, { ...limits, token, mlac }) : undefined;
  if (hub) process.stderr.write(`${describePlace({ ...place, ports: [hub.port] })}\n`);
  const joined: Joined = { hub, report };
  let early: NodeJS.Signals | undefined;
  const end = new Promise<number>((over) => {
    joined.joining = Member.join(hub ? { ...place, addresses: ["127.0.0.1"], ports: [hub.port] } : place, {
      ...limits,
      rank,
      mlac,
      onSignal(signal) {
        if (joined.group) joined.group.signal = signal;
        else early = signal;
      },
      onEnd: over,
      onLost(how, heard) {
        reportLost({ place, how, heard, timeout, report });
        over(1);
      },
    });
  });
  // A fault anywhere ends this process in whatever it is doing, be it waiting for the others at the start.
  void end.then((code) => (code === 0 ? undefined : leave(code, joined)));
  const member = await (joined.joining as Promise<Member>).catch((error: unknown) => {
    // Whoever refuses a rank reports it.
    throw error instanceof MlacError && error.diagnostics[0]?.slug === "run/ranks" ? new MlacError([]) : error;
  });
  const group = new RankGroup(place, member, timeout);
  group.signal = early;
  joined.group = group;
  // Whoever calls exit would wait for the others at MPI's end, and they for him.
  const abort = (): void => group.abort();
  process.on("exit", abort);
  try {
    const result = await work(group, await showing(place, member));
    process.off("exit", abort);
    release();
    member.finished(rank === 0 ? result : undefined);
    if ((await end) !== 0) return await forever();
    await hub?.empty(leaving);
    return result;
  } catch (error) {
    const { diagnostics, code } = diagnose(error);
    member.failed(diagnostics, code);
    return await forever();
  } finally {
    member.close();
    hub?.close();
  }
}

/** The verdict ends this process. */
const forever = (): Promise<never> => new Promise<never>(() => undefined);

/**
 * A launcher that sees one rank fail ends all others with SIGTERM. Before and after training, which takes signals itself, they stay
 * long enough for the report to be made; with `mlac train -n`, until it is.
 */
function waitForReport(served: boolean): () => void {
  const end = (signal: NodeJS.Signals): void => {
    const training = process.listenerCount(signal) > 1;
    if (!served && !training) setTimeout(() => process.exit(exitCodeOf(signal)), reporting);
  };
  process.on("SIGTERM", end);
  return () => process.off("SIGTERM", end);
}

/** Rank 0's progress is that of all; with `mlac train -n` it is shown by the process that the user started. */
async function showing({ rank, served }: Place, member: Member): Promise<Show> {
  if (rank !== 0) return { step: () => undefined, note: () => undefined, end: () => undefined };
  if (!served) return await Progress.on();
  return {
    step: (report) => member.show({ type: "step", report }),
    note: (text) => member.show({ type: "note", text }),
    end: () => undefined,
  };
}

interface Joined {
  joining?: Promise<Member>;
  group?: RankGroup;
  hub: Hub | undefined;
  report: RankOptions["report"];
}

async function leave(code: number, { joining, group, hub, report }: Joined): Promise<never> {
  const verdict: Verdict | undefined = await hub?.verdict;
  // Where rank 0 was stopped, the others have told already.
  if (verdict && verdict.diagnostics.length > 0 && hub?.heldUp === 0) report(verdict.diagnostics);
  group?.abort();
  const late = new Promise<false>((done) => setTimeout(() => done(false), returning));
  const returned = await Promise.race([group?.idle().then(() => true), late]);
  if (group) (await joining)?.close();
  await hub?.empty(leaving);
  // Node waits at its exit for native calls, be it forever.
  if (returned === false) process.kill(process.pid, "SIGKILL");
  return process.exit(code);
}

interface LostHub {
  place: Place;
  how: Lost;
  heard: readonly Heard[];
  timeout: number;
  report: RankOptions["report"];
}

/** Without rank 0 it is the next living rank that tells; without the process that started all, nobody is there to be told. */
function reportLost({ place, how, heard, timeout, report }: LostHub): void {
  if (place.served || how === "orphaned") return;
  const next = heard.find(({ rank, state }) => rank > 0 && state === "here");
  if (next?.rank !== place.rank) return;
  report(faultReport({ trouble: { is: how, ranks: [0] }, heard, size: place.size, timeout, patience: startFactor * timeout }));
}
