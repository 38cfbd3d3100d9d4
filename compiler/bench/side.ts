/** One of two programs that are timed in turn: a process that answers each line of JSON with one. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fail } from "../diagnostics.js";

export interface Steps {
  /** Of each step, the milliseconds of its parts; a step is their sum. */
  ms: number[][];
  /** Cross entropy of each step, nats a token. */
  losses: number[];
  /** Processor time of all its threads. */
  cpuSeconds: number;
  /** The most memory the process ever had. */
  peakBytes: number;
}

export class Side {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  #complaint = "";

  private constructor(name: string, command: readonly string[], environment: NodeJS.ProcessEnv) {
    this.name = name;
    const [program = "", ...rest] = command;
    this.#child = spawn(program, rest, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...environment } });
    this.#child.on("error", (error) => (this.#complaint += error.message));
    this.#child.stdin?.on("error", () => undefined); // a process that has ended is noticed by its missing answer
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => (this.#complaint += text));
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** Starts it and waits for its first line. Errors: run/side, with what it wrote to its standard error. */
  static async start<Facts>(
    name: string,
    command: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<{ side: Side; facts: Facts }> {
    const side = new Side(name, command, environment);
    return { side, facts: await side.#answer<Facts>() };
  }

  async ask<Answer>(question: object): Promise<Answer> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    return this.#answer<Answer>();
  }

  steps(count: number): Promise<Steps> {
    return this.ask<Steps>({ steps: count });
  }

  /** When this is done, the process is gone and what it had is free. */
  async close(): Promise<void> {
    const { exitCode, signalCode } = this.#child;
    this.#child.stdin?.end();
    if (exitCode !== null || signalCode !== null || this.#child.pid === undefined) return;
    const gone = once(this.#child, "exit");
    this.#child.kill();
    await gone;
  }

  async #answer<Answer>(): Promise<Answer> {
    const { value, done } = await this.#lines.next();
    if (done) fail("run/side", `${this.name} ended without an answer: ${this.#complaint.trim() || "it gave no reason"}`);
    return JSON.parse(value) as Answer;
  }
}
