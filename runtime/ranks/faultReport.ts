/** The one report of a group of ranks that had to end: which rank, in which collective, what all others were doing. */
import type { Diagnostic } from "../../compiler/diagnostics.js";
import { type Heard, isWaiting } from "./messages.js";
import { behind, type Trouble } from "./trouble.js";

export interface FaultFacts {
  trouble: Trouble;
  heard: readonly Heard[];
  /** Ranks in all. */
  size: number;
  /** Seconds that were waited. */
  timeout: number;
  patience: number;
  /** What is known of processes that ended, by rank: "SIGKILL", "exit code 3". */
  ended?: ReadonlyMap<number, string>;
  /** Seconds for which the process that the ranks report to was stopped. */
  heldUp?: number;
}

/** More ranks than this are not listed one by one. */
const listed = 16;

export function faultReport(facts: FaultFacts): readonly Diagnostic[] {
  const { trouble, heard, size } = facts;
  if (trouble.is === "failed") {
    const [first, ...rest] = trouble.diagnostics;
    // What all ranks find wrong is told as one process would.
    if (first === undefined || (trouble.ranks.length === size && size > 1)) return trouble.diagnostics;
    const told = `${naming(trouble.ranks)}: ${first.message}`;
    return [{ ...first, message: first.slug === "run/failed" ? [told, ...table(heard)].join("\n") : told }, ...rest];
  }
  return [
    {
      slug: "run/rank",
      message: [sentence(facts), ...table(heard)].join("\n"),
      frames: [],
      help: helpOf(trouble),
    },
  ];
}

function sentence({ trouble, heard, timeout, patience, size, ended, heldUp = 0 }: FaultFacts): string {
  const who = naming(trouble.ranks);
  const one = trouble.ranks.length === 1;
  const first = heard.find(({ rank }) => rank === trouble.ranks[0]);
  const at = first === undefined ? "" : ` in ${first.where.phase}`;
  switch (trouble.is) {
    case "missing":
      return `${who} of ${size} ${one ? "has" : "have"} not come within ${patience} s`;
    case "gone": {
      const how = ended?.get(trouble.ranks[0] ?? -1);
      const why = heldUp > 0 ? `; the process that they report to had been stopped for ${heldUp.toFixed(0)} s` : "";
      return `${who} ${one ? "is" : "are"} gone: the process ended${how === undefined ? "" : ` (${how})`}${at}${why}`;
    }
    case "silent":
      return `${who} ${one ? "hangs" : "hang"}: nothing was heard for ${timeout} s${at}`;
    case "stalled": {
      const [waiting] = heard.filter(({ rank }) => trouble.waiting.includes(rank));
      const what = waiting === undefined ? "a collective" : `${waiting.where.collective} ${waiting.where.sequence}`;
      const whom = trouble.ranks.length === 0 ? "" : ` for ${who}`;
      return `${naming(trouble.waiting)} waited ${timeout} s in ${what}${whom}${at}`;
    }
    case "failed":
      return "";
  }
}

function helpOf(trouble: Trouble): string {
  const resume = "the last checkpoint is as it was: go on with --resume";
  switch (trouble.is) {
    case "missing":
      return "see that all ranks are started and reach rank 0's host; --timeout makes the others wait longer (five times as long at the start)";
    case "gone":
      return `${resume}; the system's log says whether it ran out of memory`;
    default:
      return `${resume}; where a rank was only slow, a longer --timeout helps`;
  }
}

/** A line a rank: what it was doing when it was last heard, and for whom it waited. */
function table(heard: readonly Heard[]): string[] {
  const here = heard.filter(({ state }) => state === "here");
  const lines = heard.slice(0, listed).map((one) => {
    const { rank, host, pid, where, ago, state } = one;
    const { phase, collective, sequence, waitsFor, part } = where;
    const waiting = isWaiting(where);
    const late = waiting ? behind(one, here) : [];
    const parts = [
      phase,
      !waiting ? "" : `waits in ${collective} ${sequence}${late.length === 0 ? "" : ` for ${naming(late)}`} (${waitsFor})`,
      waiting || sequence === 0 ? "" : `last collective ${collective} ${sequence}`,
      part === "nothing" ? "" : `in the part "${part}"`,
      state === "here" ? "" : state,
      `heard ${ago.toFixed(1)} s ago`,
      `${host}, process ${pid}`,
    ];
    return `rank ${rank}  ${parts.filter((part) => part !== "").join("; ")}`;
  });
  return heard.length > listed ? [...lines, `… and ${heard.length - listed} more`] : lines;
}

/** "rank 3", "ranks 1, 2 and 5" */
export function naming(ranks: readonly number[]): string {
  if (ranks.length === 0) return "a rank";
  const sorted = [...ranks].sort((a, b) => a - b);
  const shown = sorted.length > listed ? [...sorted.slice(0, listed), `${sorted.length - listed} more`] : sorted;
  return shown.length === 1 ? `rank ${shown[0]}` : `ranks ${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}
