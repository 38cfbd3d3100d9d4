/** TensorBoard's event files, beside metrics.jsonl: the same numbers, a file for each start of the run. */
import { closeSync, ftruncateSync, openSync, writeSync } from "node:fs";
import { join } from "node:path";
import { codeOf, failOn } from "./durable.js";
import { type LoggedEvent, recordOf } from "./eventRecord.js";
import type { Metrics } from "./metrics.js";

/**
 * Opens a new file in the run's folder. From the second start on it says from which step: TensorBoard then leaves out what
 * earlier files have of those steps. Errors: run/metrics.
 */
export function openEvents(folder: string, first: number, now = Date.now()): EventsFile {
  // TensorBoard reads the files of a folder in the order of their names, and a name that was used is never used again.
  for (let second = Math.floor(now / 1000); ; second++) {
    const path = join(folder, `events.out.tfevents.${second}.mlac`);
    try {
      return new EventsFile(path, first);
    } catch (error) {
      if (codeOf(error) !== "EEXIST") failOn(error, "run/metrics", `${path} cannot be written`);
    }
  }
}

export class EventsFile {
  readonly path: string;
  readonly #file: number;
  #size = 0;

  constructor(path: string, first: number) {
    this.path = path;
    this.#file = openSync(path, "wx");
    const wallTime = Date.now() / 1000;
    this.#write({ wallTime, version: "brain.Event:2" });
    if (first > 1) this.#write({ wallTime, step: first, restart: true });
  }

  /** Errors: run/metrics; then no part of the record is there. */
  add(line: Metrics): void {
    const scalars = scalarsOf(line);
    if (scalars.length > 0) this.#write({ wallTime: line.time ?? Date.now() / 1000, step: line.step, scalars });
  }

  close(): void {
    closeSync(this.#file);
  }

  #write(event: LoggedEvent): void {
    const record = recordOf(event);
    try {
      for (let done = 0; done < record.byteLength; ) done += writeSync(this.#file, record, done, undefined, this.#size + done);
      this.#size += record.byteLength;
    } catch (error) {
      try {
        ftruncateSync(this.#file, this.#size);
      } catch {}
      failOn(error, "run/metrics", `${this.path} cannot be written`);
    }
  }
}

const names: Readonly<Record<string, keyof Metrics>> = {
  "loss/train": "loss",
  "loss/validation": "validationLoss",
  "loss/balance": "balance",
  "loss/bits_per_byte": "bitsPerByte",
  "gradient/norm": "gradNorm",
  "speed/tokens_per_second": "tokensPerSecond",
  "speed/seconds_a_step": "seconds",
  "memory/process_bytes": "memory",
  "ranks/bytes_sent": "sentBytes",
  "ranks/gradient_bytes_sent": "sentGradientBytes",
  "ranks/exposed_seconds_backward": "exposedBackward",
  "ranks/exposed_seconds_update": "exposedUpdate",
};

function scalarsOf(line: Metrics): [string, number][] {
  const scalars: [string, number][] = [];
  for (const [tag, name] of Object.entries(names)) {
    const value = line[name];
    if (typeof value === "number") scalars.push([tag, value]);
  }
  for (const [group, value] of Object.entries(line.lr ?? {})) scalars.push([`learning_rate/${group}`, value]);
  for (const [layer, { worst, unused, evenness }] of Object.entries(line.load ?? {}))
    scalars.push([`experts/${layer}/worst`, worst], [`experts/${layer}/unused`, unused], [`experts/${layer}/evenness`, evenness]);
  return scalars;
}
