/**
 * The control channel's server: knows of every rank that it lives, lets them meet, and decides when all have to end. It is in
 * rank 0, or in the process of `mlac train -n`. What it decides is one verdict, told to all ranks and, as one report, to the
 * user by whoever has the hub.
 */
import type { Server, Socket } from "node:net";
import { constants } from "node:os";
import type { Diagnostic } from "../../compiler/diagnostics.js";
import { refusalOf } from "./admission.js";
import { faultReport } from "./faultReport.js";
import { Meetings } from "./meetings.js";
import { type FromRank, type Heard, listen, nowhere, type Shown, send } from "./messages.js";
import { openServer } from "./server.js";
import { absent, findCause, findLate, type Limits, type Seat, type Trouble } from "./trouble.js";

export interface HubOptions extends Limits {
  token: string;
  /** Of the hub's own mlac. */
  mlac: string;
  /** What rank 0 wants shown. */
  onShown?: (shown: Shown) => void;
  /** All ranks have come. */
  onWelcome?: (ranks: readonly Heard[]) => void;
}

/** How it ended. */
export interface Verdict {
  /** The exit code of every rank. */
  code: number;
  /** Empty where nothing went wrong. */
  diagnostics: readonly Diagnostic[];
  /** What rank 0 said of a run that went to its end. */
  outcome?: unknown;
}

/** Milliseconds in which the consequences of a fault come in, and others' words on the same fault; at the start, where a launcher may
    end ranks because of one that never came here, longer. */
const gathering = 400;
const gatheringAtStart = 1500;
/** Milliseconds in which a stranger has to say who it is. */
const introduction = 5000;

/** Seconds between two signs of life: often enough for the timeout. */
export const pulse = (timeout: number): number => Math.min(1, timeout / 8);

export class Hub {
  /** Settles once. */
  readonly verdict: Promise<Verdict>;
  readonly #options: HubOptions;
  readonly #server: Server;
  readonly #seats = new Map<number, Seat>();
  readonly #sockets = new Map<number, Socket>();
  readonly #meetings: Meetings;
  readonly #ended = new Map<number, string>();
  readonly #began = performance.now();
  readonly #timer: NodeJS.Timeout;
  #checked = 0;
  #heldUp = 0;
  #training = false;
  #outcome: unknown;
  #over = false;
  #settle: (verdict: Verdict) => void = () => undefined;
  #gatherer: NodeJS.Timeout | undefined;

  private constructor(server: Server, options: HubOptions) {
    this.#options = options;
    this.#server = server;
    this.#meetings = new Meetings(options.size);
    this.verdict = new Promise((settle) => (this.#settle = settle));
    server.on("connection", (socket) => this.#introduce(socket));
    this.#timer = setInterval(() => this.#check(), 1000 * pulse(options.timeout));
  }

  /** At the first of the ports that is free; 0 is any. `host` undefined: on all of this machine's addresses. Errors: run/port. */
  static async open(host: string | undefined, ports: readonly number[], options: HubOptions): Promise<Hub> {
    return new Hub(await openServer(host, ports), options);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address ? address.port : 0;
  }

  /** Seconds for which this process was stopped, if it was for so long that the ranks have ended without it. */
  get heldUp(): number {
    return this.#heldUp;
  }

  heard(): Heard[] {
    const now = this.#now();
    const seats = [...this.#seats.values()].sort((a, b) => a.rank - b.rank);
    return seats.map(({ rank, host, pid, where, heard, state }) => ({ rank, host, pid, where, state, ago: now - heard }));
  }

  /** Passed on to all ranks: they save and end. Before all have come, it is the end. */
  signal(signal: NodeJS.Signals): void {
    if (this.#seats.size < this.#options.size) this.#end({ code: 128 + (constants.signals[signal] ?? 0), diagnostics: [] });
    else this.#broadcast({ type: "signal", signal });
  }

  /** A rank's process has ended, as whoever started it saw. */
  processEnded(rank: number, how: string): void {
    this.#ended.set(rank, how);
    const seat = this.#seats.get(rank);
    if (seat === undefined) this.#fault({ is: "gone", ranks: [rank] });
    else if (seat.state === "here") this.#left(seat);
  }

  /** Those that started the ranks have ended: whoever has not come will not. */
  allEnded(how: string): void {
    const missing = absent(this.#seats, this.#options.size);
    for (const rank of missing) this.#ended.set(rank, how);
    if (missing.length > 0) this.#fault({ is: "gone", ranks: missing });
    for (const seat of this.#seats.values()) if (seat.state === "here") this.#left(seat);
  }

  /** Milliseconds are given to the ranks to leave by themselves. True if all have. */
  async empty(within: number): Promise<boolean> {
    for (const until = performance.now() + within; performance.now() < until; await new Promise((done) => setTimeout(done, 20)))
      if (this.#sockets.size === 0) return true;
    return this.#sockets.size === 0;
  }

  close(): void {
    clearInterval(this.#timer);
    clearTimeout(this.#gatherer);
    this.#server.close();
    for (const socket of this.#sockets.values()) socket.destroy();
  }

  readonly #now = (): number => (performance.now() - this.#began) / 1000;

  #introduce(socket: Socket): void {
    socket.on("error", () => undefined);
    const timer = setTimeout(() => socket.destroy(), introduction);
    let seat: Seat | undefined;
    listen<FromRank>(socket, (message) => {
      if (seat !== undefined) this.#take(seat, message);
      else {
        clearTimeout(timer);
        seat = this.#admit(socket, message);
      }
    });
    socket.on("close", () => {
      clearTimeout(timer);
      if (seat === undefined) return;
      this.#sockets.delete(seat.rank);
      if (seat.state === "here") this.#left(seat);
    });
  }

  /** Strangers are sent away without a word. A rank of another kind has to be there and cannot: that is the end. */
  #admit(socket: Socket, message: FromRank): Seat | undefined {
    if (message.type !== "hello" || message.token !== this.#options.token) {
      socket.destroy();
      return undefined;
    }
    const refused = refusalOf(message, this.#options, this.#seats);
    if (refused !== undefined) {
      send(socket, { type: "refused", message: refused });
      const help = "start all ranks with the same mlac and the same launcher";
      this.#end({ code: 1, diagnostics: [{ slug: "run/ranks", message: refused, frames: [], help }] });
      socket.end();
      return undefined;
    }
    const { rank, host, pid } = message;
    const seat: Seat = { rank, host, pid, where: { ...nowhere, phase: "starting" }, heard: this.#now(), since: this.#now(), state: "here" };
    this.#seats.set(rank, seat);
    this.#sockets.set(rank, socket);
    send(socket, { type: "admitted" });
    if (this.#seats.size === this.#options.size) {
      this.#broadcast({ type: "welcome" });
      this.#options.onWelcome?.(this.heard());
    }
    return seat;
  }

  #take(seat: Seat, message: FromRank): void {
    const now = this.#now();
    seat.heard = now;
    switch (message.type) {
      case "beat": {
        const { where } = message;
        if (where.sequence !== seat.where.sequence || where.waitsFor !== seat.where.waitsFor) seat.since = now;
        seat.where = where;
        if (where.phase.startsWith("step")) this.#training = true;
        return;
      }
      case "meet":
        this.#meet(seat.rank, message.name, message.value);
        return;
      case "collect":
        this.#broadcast(message, seat.rank);
        return;
      case "failed":
        seat.failure ??= { diagnostics: message.diagnostics, code: message.code, at: now };
        this.#gather();
        return;
      case "finished":
        this.#finish(seat, message.outcome);
        return;
      case "show":
        this.#options.onShown?.(message.shown);
        return;
      case "hello":
        return;
    }
  }

  /** The last one to come lets all go on. */
  #meet(rank: number, name: string, value: unknown): void {
    const values = this.#meetings.come(rank, name, value);
    if (values !== undefined) this.#broadcast({ type: "met", name, values });
  }

  #finish(seat: Seat, outcome: unknown): void {
    seat.state = "finished";
    if (seat.rank === 0) this.#outcome = outcome;
    if ([...this.#seats.values()].every(({ state }) => state === "finished"))
      this.#end({ code: 0, diagnostics: [], outcome: this.#outcome });
  }

  #left(seat: Seat): void {
    seat.state = "gone";
    seat.left = this.#now();
    this.#gather();
  }

  #gather(): void {
    if (this.#over) return;
    this.#gatherer ??= setTimeout(
      () => {
        const trouble = findCause(this.#seats);
        if (trouble !== undefined) this.#fault(trouble);
      },
      this.#seats.size < this.#options.size ? gatheringAtStart : gathering,
    );
  }

  #check(): void {
    const { timeout } = this.#options;
    const now = this.#now();
    // Where this process itself was held up, words of others may be waiting to be read.
    const pause = now - this.#checked;
    const late = pause > 3 * pulse(timeout);
    if (pause > timeout) this.#heldUp = pause;
    this.#checked = now;
    if (this.#over || late) return;
    this.#broadcast({ type: "beat", ranks: this.heard() });
    const trouble = this.#gatherer === undefined ? findLate(this.#seats, now, this.#options, this.#training) : undefined;
    if (trouble !== undefined) this.#fault(trouble);
  }

  #fault(trouble: Trouble): void {
    const { size, timeout, patience } = this.#options;
    const diagnostics = faultReport({ trouble, heard: this.heard(), size, timeout, patience, ended: this.#ended, heldUp: this.#heldUp });
    this.#end({ code: trouble.is === "failed" ? trouble.code : 1, diagnostics });
  }

  #end(verdict: Verdict): void {
    if (this.#over) return;
    this.#over = true;
    this.#settle(verdict);
    this.#broadcast({ type: "end", code: verdict.code });
  }

  #broadcast(message: Parameters<typeof send>[1], except?: number): void {
    for (const [rank, socket] of this.#sockets) if (rank !== except) send(socket, message);
  }
}
