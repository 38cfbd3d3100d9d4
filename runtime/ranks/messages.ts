/** What goes over the control channel: one JSON value a line, between the hub and each rank. */
import type { Socket } from "node:net";
import type { Diagnostic } from "../../compiler/diagnostics.js";
import type { Whereabouts } from "../place.js";
import type { StepReport } from "../progress.js";

/** What a rank is doing, as its loop and its native code say. */
export interface Doing extends Whereabouts {
  /** "step 12", "saving after step 12". */
  phase: string;
}

export interface Hello {
  type: "hello";
  token: string;
  rank: number;
  size: number;
  host: string;
  pid: number;
  mlac: string;
}

/** A line of progress, for whoever started the ranks to show. */
export type Shown = { type: "note"; text: string } | { type: "step"; report: StepReport };

export type FromRank =
  | Hello
  | { type: "beat"; where: Doing }
  /** It has come to a meeting of all ranks, with something that all are to know. */
  | { type: "meet"; name: string; value: unknown }
  /** Rank 0 wants the whole of a tensor: all take part in collecting it. */
  | { type: "collect"; tensor: string }
  | { type: "failed"; diagnostics: readonly Diagnostic[]; code: number }
  /** Its work is done; it will close the connection. Rank 0 tells what became of the run. */
  | { type: "finished"; outcome?: unknown }
  | { type: "show"; shown: Shown };

export type FromHub =
  /** The answer to hello. */
  | { type: "admitted" }
  | { type: "refused"; message: string }
  /** All ranks have come. */
  | { type: "welcome" }
  /** What the hub has heard of each rank; also says that the hub is there. */
  | { type: "beat"; ranks: readonly Heard[] }
  | { type: "met"; name: string; values: readonly unknown[] }
  | { type: "collect"; tensor: string }
  | { type: "signal"; signal: NodeJS.Signals }
  /** All ranks end, and the report is made. */
  | { type: "end"; code: number };

/** The last that was heard of a rank. */
export interface Heard {
  rank: number;
  host: string;
  pid: number;
  where: Doing;
  /** Seconds since then. */
  ago: number;
  state: "here" | "finished" | "gone";
}

/** Of a rank whose model is not opened yet. */
export const nowhere: Whereabouts = { collective: "none", sequence: 0, waitsFor: "nothing", part: "nothing" };

export const isWaiting = ({ waitsFor }: Whereabouts): boolean => waitsFor !== "nothing";

export function send(socket: Socket, message: FromRank | FromHub): void {
  if (!socket.destroyed && socket.writable) socket.write(`${JSON.stringify(message)}\n`);
}

/** A line that is longer is none of ours. */
const longest = 1 << 26;

/** Calls `onMessage` with each message; closes the connection of whoever sends something else. */
export function listen<M>(socket: Socket, onMessage: (message: M) => void): void {
  let rest = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > longest) socket.destroy();
    for (const line of lines) {
      const message = parse<M>(line);
      if (message === undefined) {
        socket.destroy();
        return;
      }
      onMessage(message);
    }
  });
}

function parse<M>(line: string): M | undefined {
  try {
    const value = JSON.parse(line) as unknown;
    return typeof value === "object" && value !== null && "type" in value ? (value as M) : undefined;
  } catch {
    return undefined;
  }
}
