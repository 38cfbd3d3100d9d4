/** The processes that `mlac train -n` starts: what they say, when they end, and that none is left. */
import type { ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import type { Readable } from "node:stream";

export interface Started {
  /** Absent where it starts the ranks in turn. */
  rank?: number;
  /** A line of its output, with the rank in front where that is not rank 0. */
  onLine: (text: string) => void;
  /** "SIGKILL", "exit code 3" */
  onEnd: (how: string) => void;
}

export class Processes {
  readonly #running = new Set<ChildProcess>();
  readonly #secret: string;
  #hushed = false;

  /** The secret is in the environment of all that belongs to this start, and of nothing else. */
  constructor(secret: string) {
    this.#secret = secret;
  }

  start(spawn: () => ChildProcess, { rank, onLine, onEnd }: Started): void {
    const child = spawn();
    this.#running.add(child);
    const say = (text: string): void => {
      if (!this.#hushed) onLine(text);
    };
    for (const stream of [child.stdout, child.stderr]) if (stream) eachLine(stream, (line) => said(line, rank, say));
    const gone = (how: string): void => {
      if (this.#running.delete(child)) onEnd(how);
    };
    child.once("error", (error) => gone(error.message));
    child.once("exit", (code, signal) => gone(signal ?? `exit code ${code}`));
  }

  /** What they say from now on is about their end, which is told already. */
  hush(): void {
    this.#hushed = true;
  }

  /** True once all have ended, if that is within so many milliseconds. */
  async ended(within: number): Promise<boolean> {
    for (const until = performance.now() + within; performance.now() < until; await new Promise((done) => setTimeout(done, 20)))
      if (this.#running.size === 0) return true;
    return this.#running.size === 0;
  }

  /** Ranks that mpirun started, also such as are stopped. */
  killRanks(pids: readonly number[]): void {
    for (const pid of pids) if (this.#isOurs(pid)) kill(pid);
  }

  /** Those that were started here and have not ended, with their groups. */
  kill(): void {
    for (const { pid } of this.#running) if (pid !== undefined) kill(-pid);
  }

  /** A number may have gone to another process meanwhile. */
  #isOurs(pid: number): boolean {
    try {
      return readFileSync(`/proc/${pid}/environ`, "latin1").includes(this.#secret);
    } catch {
      return false;
    }
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

function eachLine(stream: Readable, onLine: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) onLine(line);
  });
  stream.on("end", () => {
    if (rest !== "") onLine(rest);
  });
}

/** mpirun's tags, "[1,2]<stderr>:text", say which rank it was. */
function said(line: string, rank: number | undefined, say: (text: string) => void): void {
  const [, tagged, text = line] = /^\[\d+,(\d+)\]<std(?:out|err)>:(.*)$/.exec(line) ?? [];
  const who = tagged === undefined ? rank : Number(tagged);
  say(who === undefined || who === 0 ? text : `rank ${who}: ${text}`);
}
