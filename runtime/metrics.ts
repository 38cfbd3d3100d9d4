/** metrics.jsonl: one line of JSON a step, written as they come. The file is the record of a run; everything else is made from it. */
import { closeSync, fsyncSync, ftruncateSync, openSync, readSync, writeSync } from "node:fs";
import { failOn } from "./durable.js";

/** All that a line may have; losses in nats a token. More fields may be given. */
export interface Metrics {
  /** Counts from 1. */
  step: number;
  /** When the step had ended: seconds since 1970. */
  time?: number;
  loss?: number;
  /** The balance loss, already multiplied by its weight. */
  balance?: number;
  /** The factor on the learning rates. */
  rate?: number;
  /** Learning rates by optimizer group. */
  lr?: Readonly<Record<string, number>>;
  /** Of all gradients together, before clipping. */
  gradNorm?: number;
  tokensPerSecond?: number;
  seconds?: number;
  /** Bytes of the machine's memory that the process holds; what a GPU holds is the plan's. */
  memory?: number;
  epoch?: number;
  validationLoss?: number;
  bitsPerByte?: number;
  /** Of a run on several ranks: how many; bytes that all of them sent in the step, and of gradients among these; seconds in which the rank
      that waited longest waited for others, in backward passes and in updates, with nothing of its own left to do. */
  ranks?: number;
  sentBytes?: number;
  sentGradientBytes?: number;
  exposedBackward?: number;
  exposedUpdate?: number;
  /** How evenly the experts are used, by layer. */
  load?: Readonly<Record<string, LoadSummary>>;
  [more: string]: unknown;
}

/**
 * Opens a run's metrics to add lines. Lines after `afterStep` are cut off, since the resumed run writes them again, and so is
 * a last line that a crash left unfinished; 0 starts afresh. Errors: run/metrics.
 */
export function openMetrics(path: string, afterStep: number): MetricsFile {
  try {
    return new MetricsFile(path, afterStep);
  } catch (error) {
    return failOn(error, "run/metrics", `${path} cannot be written`);
  }
}

export class MetricsFile {
  readonly path: string;
  readonly #file: number;
  #size: number;

  constructor(path: string, afterStep: number) {
    this.path = path;
    this.#file = openSync(path, "a+");
    this.#size = endOfStep(this.#file, afterStep);
    ftruncateSync(this.#file, this.#size);
  }

  /** NaN and infinities, which JSON does not have, are written as strings. Errors: run/metrics; then no part of the line is there. */
  add(metrics: Metrics): void {
    const line = JSON.stringify(metrics, (_, value: unknown) =>
      typeof value === "number" && !Number.isFinite(value) ? String(value) : value,
    );
    try {
      const bytes = Buffer.from(`${line}\n`);
      for (let done = 0; done < bytes.byteLength; ) done += writeSync(this.#file, bytes, done);
      this.#size += bytes.byteLength;
    } catch (error) {
      cutTo(this.#file, this.#size);
      failOn(error, "run/metrics", `${this.path} cannot be written`);
    }
  }

  /** Makes all lines so far lasting; called before a checkpoint. */
  sync(): void {
    fsyncSync(this.#file);
  }

  close(): void {
    closeSync(this.#file);
  }
}

/** As well as it can be done on a disk that has just failed. */
function cutTo(file: number, size: number): void {
  try {
    ftruncateSync(file, size);
  } catch {}
}

/** Where the lines of steps up to `last` end: a byte count. */
function endOfStep(file: number, last: number): number {
  const piece = Buffer.alloc(1 << 16);
  let line = Buffer.alloc(0);
  let end = 0;
  for (let at = 0; ; ) {
    const read = readSync(file, piece, 0, piece.byteLength, at);
    if (read === 0) return end;
    at += read;
    let from = 0;
    for (let stop = piece.indexOf(10); stop >= 0 && stop < read; stop = piece.indexOf(10, from)) {
      line = Buffer.concat([line, piece.subarray(from, stop)]);
      if (!(stepOf(line.toString("utf8")) <= last)) return end;
      end += line.byteLength + 1;
      line = Buffer.alloc(0);
      from = stop + 1;
    }
    line = Buffer.concat([line, piece.subarray(from, read)]);
  }
}

/** NaN for a line that is not one of ours. */
function stepOf(line: string): number {
  try {
    return (JSON.parse(line) as { step?: number }).step ?? Number.NaN;
  } catch {
    return Number.NaN;
  }
}

export interface LoadSummary {
  /** Tokens of the busiest expert over the mean: 1 is even. */
  worst: number;
  /** Experts that got no token. */
  unused: number;
  /** exp(entropy) / experts: 1 is even, 1 / experts is one expert for everything. */
  evenness: number;
  /** Tokens of each expert. */
  tokens: number[];
}

/** Sums up one layer's tokens by expert. */
export function summarizeLoad(load: ArrayLike<number>): LoadSummary {
  const counts = Array.from(load);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return { worst: 1, unused: counts.length, evenness: 1, tokens: counts };
  const entropy = counts.reduce((sum, count) => (count > 0 ? sum - (count / total) * Math.log(count / total) : sum), 0);
  return {
    worst: (Math.max(...counts) * counts.length) / total,
    unused: counts.filter((count) => count === 0).length,
    evenness: Math.exp(entropy) / counts.length,
    tokens: counts,
  };
}
