/** How far the training is: one line that renews itself on a terminal, plain lines now and then everywhere else. */
import type { createLogUpdate } from "log-update";

/** What a finished step has to tell. */
export interface StepReport {
  step: number;
  steps: number;
  /** Cross entropy of the step, nats a token. */
  loss: number;
  /** The schedule's factor on the learning rates. */
  rate: number;
  /** Tokens trained on in the step, by all its micro-steps, and the time it took. */
  tokens: number;
  seconds: number;
}

/** Where a run's progress goes. */
export interface Show {
  step(report: StepReport): void;
  /** A line that stays. */
  note(text: string): void;
  end(): void;
}

export interface ProgressOptions {
  /** Where it is shown. Default: standard error. */
  stream?: NodeJS.WriteStream;
  /** Least time between two plain lines, milliseconds. */
  pause?: number;
  /** Milliseconds; tests give their own. */
  clock?: () => number;
}

export class Progress implements Show {
  readonly #stream: NodeJS.WriteStream;
  readonly #pause: number;
  readonly #clock: () => number;
  readonly #loss = new Smooth(0.9);
  readonly #seconds = new Smooth(0.9);
  #live: ReturnType<typeof createLogUpdate> | undefined;
  #shown = Number.NEGATIVE_INFINITY;
  #first: number | undefined;

  private constructor(options: ProgressOptions) {
    this.#stream = options.stream ?? process.stderr;
    this.#pause = options.pause ?? 2000;
    this.#clock = options.clock ?? performance.now.bind(performance);
  }

  static async on(options: ProgressOptions = {}): Promise<Progress> {
    const progress = new Progress(options);
    const { isTTY, columns, rows } = progress.#stream;
    // A terminal that does not know its size would be shown nothing.
    if (isTTY && columns > 0 && rows > 0 && process.env["TERM"] !== "dumb" && !process.env["CI"]) {
      const { createLogUpdate } = await import("log-update");
      progress.#live = createLogUpdate(progress.#stream);
    }
    return progress;
  }

  step(report: StepReport): void {
    this.#loss.add(report.loss);
    // The first step also pays for cold caches and starting threads; it would spoil the time left of a short run.
    if (this.#first !== undefined) this.#seconds.add(report.seconds);
    this.#first ??= report.step;
    const now = this.#clock();
    const ends = report.step === this.#first || report.step === report.steps;
    if (!ends && now - this.#shown < (this.#live ? 100 : this.#pause)) return;
    this.#shown = now;
    const text = line(report, this.#loss.value, this.#seconds.value ?? report.seconds);
    if (this.#live) this.#live(text);
    else this.#stream.write(`${text}\n`);
  }

  /** A line that stays, above the one that renews itself. */
  note(text: string): void {
    if (this.#live) {
      this.#live.clear();
      this.#stream.write(`${text}\n`);
    } else this.#stream.write(`${text}\n`);
  }

  /** Leaves the last line standing. */
  end(): void {
    this.#live?.done();
    this.#live = undefined;
  }
}

function line(report: StepReport, loss: number | undefined, seconds: number): string {
  const { step, steps, rate, tokens } = report;
  const width = String(steps).length;
  return [
    `step ${String(step).padStart(width)}/${steps}`,
    `loss ${(loss ?? report.loss).toFixed(4)}`,
    `lr ×${rate.toFixed(3)}`,
    `${short(tokens / seconds)} tokens/s`,
    step < steps ? `${duration((steps - step) * seconds)} left` : "done",
  ].join("   ");
}

/** An exponential mean that does not lean towards its start. */
class Smooth {
  readonly #keep: number;
  #sum = 0;
  #weight = 0;

  constructor(keep: number) {
    this.#keep = keep;
  }

  add(value: number): void {
    this.#sum = this.#keep * this.#sum + (1 - this.#keep) * value;
    this.#weight = this.#keep * this.#weight + (1 - this.#keep);
  }

  get value(): number | undefined {
    return this.#weight > 0 ? this.#sum / this.#weight : undefined;
  }
}

/** 950, 12.3k, 4.56M */
export function short(number: number): string {
  if (!Number.isFinite(number)) return "–";
  const [value, unit] = number < 1000 ? [number, ""] : number < 1e6 ? [number / 1e3, "k"] : [number / 1e6, "M"];
  return `${unit === "" || value >= 100 ? value.toFixed(0) : value.toPrecision(3)}${unit}`;
}

/** 8s, 3m 20s, 5h 07m */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [hours, minutes] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60];
  if (hours > 0) return `${hours}h ${String(minutes).padStart(2, "0")}m`;
  return minutes > 0 ? `${minutes}m ${String(whole % 60).padStart(2, "0")}s` : `${whole}s`;
}
