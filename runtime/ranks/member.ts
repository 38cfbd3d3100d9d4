/** A rank's end of the control channel: says that it lives and where it is, meets the others, and hears when all have to end. */
import { connect, type Socket } from "node:net";
import { hostname } from "node:os";
import { type Diagnostic, fail, MlacError } from "../../compiler/diagnostics.js";
import type { Whereabouts } from "../place.js";
import type { Place } from "./environment.js";
import { pulse } from "./hub.js";
import { type FromHub, type FromRank, type Heard, listen, nowhere, type Shown, send } from "./messages.js";

export interface MemberOptions {
  rank: number;
  /** Of mlac. */
  mlac: string;
  /** Seconds of silence after which the hub counts as hung; and for reaching it in the first place. */
  timeout: number;
  patience: number;
  onSignal: (signal: NodeJS.Signals) => void;
  /** The hub says that all ranks end. */
  onEnd: (code: number) => void;
  /** The hub is gone or hangs; with what it last said of all ranks. */
  onLost: (how: Lost, heard: readonly Heard[]) => void;
}

export type Lost = "gone" | "silent" | "orphaned";

/** Milliseconds between two tries to reach the hub, and for its answer. */
const retry = 100;
const answer = 2000;

export class Member {
  readonly #socket: Socket;
  readonly #options: MemberOptions;
  readonly #timer: NodeJS.Timeout;
  readonly #parent = process.ppid;
  readonly #meetings = new Map<string, (values: readonly unknown[]) => void>();
  #collecting: ((tensor: string) => void) | undefined;
  #ranks: readonly Heard[] = [];
  #heard = performance.now();
  #told = performance.now();
  #checked = performance.now();
  #over = false;
  /** Tells where the native code is. */
  whereabouts: () => Whereabouts = () => nowhere;
  #phase = "starting";

  private constructor(connection: Connection, options: MemberOptions) {
    this.#socket = connection.socket;
    this.#options = options;
    connection.onMessage = (message) => this.#take(message);
    this.#socket.on("close", () => this.#lost("gone"));
    this.#timer = setInterval(() => this.#beat(), 1000 * pulse(options.timeout));
  }

  /** When all ranks have come. Errors: run/ranks, where this one is refused; run/port, where the hub cannot be reached. */
  static async join(place: Place, options: MemberOptions): Promise<Member> {
    const connection = await reach(place, options);
    const member = new Member(connection, options);
    const welcome = new Promise<void>((done) => member.#meetings.set("welcome", () => done()));
    for (const message of connection.early) member.#take(message);
    await welcome;
    return member;
  }

  /** Says at once what comes now: whatever happens next is then known to have happened there. */
  at(phase: string): void {
    this.#phase = phase;
    this.#tellWhere();
  }

  /** All ranks come to the meeting; gives what each has brought, by rank. */
  meet(name: string, value: unknown = null): Promise<readonly unknown[]> {
    this.#tell({ type: "meet", name, value });
    return new Promise((settle) => this.#meetings.set(name, settle));
  }

  /** As `meet`, and until then takes part in collecting the tensors that rank 0 names. */
  async meetCollecting(name: string, collect: (tensor: string) => Promise<void>): Promise<readonly unknown[]> {
    let last = Promise.resolve();
    this.#collecting = (tensor) => {
      last = last.then(() => collect(tensor));
      last.catch(() => undefined);
    };
    const values = await this.meet(name);
    this.#collecting = undefined;
    await last;
    return values;
  }

  /** Rank 0 only: all others collect the tensor too. */
  collect(tensor: string): void {
    this.#tell({ type: "collect", tensor });
  }

  show(shown: Shown): void {
    this.#tell({ type: "show", shown });
  }

  failed(diagnostics: readonly Diagnostic[], code: number): void {
    this.#tell({ type: "failed", diagnostics, code });
  }

  finished(outcome: unknown): void {
    this.#tell({ type: "finished", outcome });
  }

  close(): void {
    this.#over = true;
    clearInterval(this.#timer);
    this.#socket.destroy();
  }

  #tell(message: FromRank): void {
    send(this.#socket, message);
  }

  #tellWhere(): void {
    this.#tell({ type: "beat", where: { ...this.whereabouts(), phase: this.#phase } });
  }

  #beat(): void {
    const now = performance.now();
    const timeout = this.#phase.startsWith("step") ? this.#options.timeout : this.#options.patience;
    // Where this process itself was held up, the hub's words may be waiting to be read.
    const late = now - this.#checked > 3000 * pulse(this.#options.timeout);
    this.#checked = now;
    this.#tellWhere();
    if (process.ppid !== this.#parent) this.#lost("orphaned");
    else if (!late && now - this.#heard > 1000 * timeout) this.#lost("silent");
  }

  #take(message: FromHub): void {
    this.#heard = performance.now();
    switch (message.type) {
      case "beat":
        this.#ranks = message.ranks;
        this.#told = this.#heard;
        return;
      case "welcome":
        this.#settle("welcome", []);
        return;
      case "met":
        this.#settle(message.name, message.values);
        return;
      case "collect":
        this.#collecting?.(message.tensor);
        return;
      case "signal":
        this.#options.onSignal(message.signal);
        return;
      case "end":
        if (this.#over) return;
        this.#over = true;
        this.#options.onEnd(message.code);
        return;
      case "admitted":
      case "refused":
        return;
    }
  }

  #settle(name: string, values: readonly unknown[]): void {
    this.#meetings.get(name)?.(values);
    this.#meetings.delete(name);
  }

  #lost(how: Lost): void {
    if (this.#over) return;
    this.#over = true;
    const now = performance.now();
    const since = (now - this.#told) / 1000;
    const own = this.#options.rank;
    const where = { ...this.whereabouts(), phase: this.#phase };
    this.#options.onLost(
      how,
      this.#ranks.map((one) => (one.rank === own ? { ...one, where, ago: 0 } : { ...one, ago: one.ago + since })),
    );
  }
}

interface Connection {
  socket: Socket;
  onMessage: (message: FromHub) => void;
  /** What came behind the hub's answer, before somebody listened. */
  early: FromHub[];
}

/** Each address with each port, again and again: rank 0 may start later than this one. */
async function reach({ addresses, ports, rank, size, token }: Place, { patience, mlac }: MemberOptions): Promise<Connection> {
  const hello: FromRank = { type: "hello", token, rank, size, host: hostname(), pid: process.pid, mlac };
  const until = performance.now() + 1000 * patience;
  let problem = "";
  while (performance.now() < until) {
    for (const host of addresses)
      for (const port of ports) {
        const found = await introduce(host, port, hello);
        if (typeof found !== "string") return found;
        problem = found;
      }
    await new Promise((done) => setTimeout(done, retry));
  }
  return fail(
    "run/port",
    `rank ${rank} did not reach the ranks' control channel at ${addresses.join(" or ")}, port ${ports[0]}, within ${patience} s: ${problem}`,
    { help: "see that rank 0 is started and that its host can be reached; MASTER_ADDR names the host, MLAC_PORT the port" },
  );
}

/** The connection, if it is this job's hub that answers; else a sentence. Errors: run/ranks, where the hub refuses the rank. */
function introduce(host: string, port: number, hello: FromRank): Promise<Connection | string> {
  return new Promise((settle, refuse) => {
    const socket = connect({ host, port, timeout: answer });
    const give = (problem: string): void => {
      socket.destroy();
      settle(problem);
    };
    const connection: Connection = {
      socket,
      early: [],
      onMessage(message) {
        socket.setTimeout(0);
        if (message.type === "admitted") {
          connection.onMessage = (next) => connection.early.push(next);
          settle(connection);
          return;
        }
        if (message.type === "refused") refuse(refusal(message.message));
        give(`something else answers at ${host}:${port}`);
      },
    };
    listen<FromHub>(socket, (message) => connection.onMessage(message));
    socket.on("error", (error) => give(error.message));
    socket.once("timeout", () => give(`no answer from ${host}:${port}`));
    socket.once("close", () => give(`${host}:${port} closes the connection`));
    socket.once("connect", () => {
      socket.setNoDelay(true);
      send(socket, hello);
    });
  });
}

function refusal(message: string): MlacError {
  const help = "start all ranks with the same mlac and the same launcher";
  return new MlacError([{ slug: "run/ranks", message, frames: [], help }]);
}
