/** A built model, opened: the manifest's sizes and names in front of the native calls. */
import { fail } from "../compiler/diagnostics.js";
import type { Manifest, ManifestTensor } from "../compiler/manifest.js";
import { binary, fits, machineMemory, totalBytes } from "../compiler/memory.js";
import { type Bytes, Native } from "./native.js";
import { type SessionPlace, type Traffic, type Whereabouts, withShares } from "./place.js";
import { Tuning, tuningWanted } from "./tuning.js";

/** What a session needs of a build; `build()` gives it. */
export interface BuiltModel {
  manifest: Manifest;
  /** The path of model.so. */
  library: string;
}

export interface SessionOptions {
  /** 0 or absent: one a processor. */
  threads?: number;
  /** Among other processes that train the same model. */
  place?: SessionPlace;
}

/** Mean over the tokens of a micro-batch. */
export interface Losses {
  /** Cross entropy, nats a token. */
  loss: number;
  /** The balance loss, already multiplied by its weight. */
  balance: number;
}

/** All calls of one kernel in a micro-step. */
export interface KernelTime {
  name: string;
  calls: number;
  milliseconds: number;
}

export type Numbers = Float32Array | Float64Array | Int32Array;

/** Takes the model's memory; all its tensors are zero. Errors: plan/memory, run/load, run/memory, run/gpu. */
export async function openSession(built: BuiltModel, options: SessionOptions = {}): Promise<Session> {
  const { memory, model, target } = built.manifest;
  // Linux promises memory that it does not have, and ends a process that comes to use it: so it is counted first. A GPU
  // promises only what it has.
  if (target === "cpu" && !fits(memory, options.threads))
    fail("plan/memory", `${model} needs ${binary(totalBytes(memory, options.threads))}; this machine has ${binary(machineMemory())}`, {
      help: "make B or T smaller (--set B=…), keep less for the backward pass (--fuse recompute=layer), or see `mlac plan`",
    });
  const { place } = options;
  const native = await Native.open(built.library, options.threads ?? 0, target, place && (await withShares(built, place)));
  try {
    const tuning = target === "cuda" && tuningWanted() ? await Tuning.open(native, built.library) : undefined;
    return new Session(built.manifest, native, tuning);
  } catch (error) {
    await native.close();
    throw error;
  }
}

export class Session {
  readonly manifest: Manifest;
  /** Sequences in a micro-batch, tokens in a sequence, size of the vocabulary. */
  readonly batch: number;
  readonly length: number;
  readonly vocabulary: number;
  readonly #native: Native;
  readonly #tuning: Tuning | undefined;
  readonly #tensors: ReadonlyMap<string, ManifestTensor>;

  constructor(manifest: Manifest, native: Native, tuning?: Tuning) {
    this.manifest = manifest;
    ({ batch: this.batch, length: this.length, vocabulary: this.vocabulary } = manifest.tokens);
    this.#native = native;
    this.#tuning = tuning;
    this.#tensors = new Map(manifest.tensors.map((tensor) => [tensor.name, tensor]));
  }

  /** Everything that `read` and `write` know. */
  tensors(): readonly ManifestTensor[] {
    return this.manifest.tensors;
  }

  /** Draws every parameter anew; the same bits on any machine of the same kind, whatever its number of threads. */
  async initialize(seed: number | bigint): Promise<void> {
    await this.#native.run("initialize", BigInt(seed));
  }

  /**
   * On a GPU for which it was not done yet: measures which way each matrix product is fastest, and keeps that for all later
   * sessions of this build. To be called before the first step, with the weights in place; gradients are zero afterwards.
   */
  async tune(note: (text: string) => void): Promise<void> {
    await this.#tuning?.measure(this, note);
  }

  async resetOptimizer(): Promise<void> {
    await this.#native.run("resetOptimizer");
  }

  /**
   * Forward and backward over tokens and targets [B, T]. Gradients of (loss + balance)·scale are added to what is there, or
   * replace it when `first` is set. `last`: an update follows; between ranks the gradients then go to their owners.
   */
  async microStep(tokens: Int32Array, targets: Int32Array, scale: number, first: boolean, last = true): Promise<Losses> {
    this.#checkBatch(tokens, targets);
    const report = new Float64Array(2);
    await this.#native.run("microStep", tokens, targets, scale, first ? 1 : 0, last ? 1 : 0, report);
    return losses(report);
  }

  /**
   * One optimizer step; `step` counts from 1 and `rate` multiplies every group's learning rate. clip > 0 bounds the norm of
   * the gradients together; 0 leaves them. Gives that norm before clipping.
   */
  async update(step: number, rate: number, clip: number): Promise<{ norm: number }> {
    const report = new Float64Array(1);
    await this.#native.run("update", BigInt(step), rate, clip, report);
    return { norm: report[0] ?? Number.NaN };
  }

  /** Collective: each value becomes its sum over all ranks, the same bits on each. */
  async sum(values: Float64Array): Promise<void> {
    await this.#native.run("sum", values, BigInt(values.length));
  }

  /** Collective: rank 0 gets the tensor's elements as `read` gives them, of gradients the sum over all ranks; the others nothing. */
  async collect(name: string, rank: number): Promise<Uint8Array | undefined> {
    const tensor = this.#tensor(name);
    const bytes = rank === 0 ? new Uint8Array(tensor.bytes) : undefined;
    await this.#native.run("collect", name, bytes ?? null, BigInt(tensor.bytes));
    return bytes;
  }

  async traffic(): Promise<Traffic> {
    const report = new Float64Array(4);
    await this.#native.run("traffic", report);
    const [bytes = 0, gradientBytes = 0, microStepSeconds = 0, updateSeconds = 0] = report;
    return { bytes, gradientBytes, microStepSeconds, updateSeconds };
  }

  /** Answers at once, also while a step runs. */
  where(): Whereabouts {
    const [collective = "none", sequence, waitsFor = "nothing", part = "nothing"] = this.#native.where().split("\t");
    return { collective, sequence: Number(sequence), waitsFor, part };
  }

  /** Steps that wait for other ranks give up, with run/failed; then the session can only be closed. Answers at once. */
  abort(): void {
    this.#native.abort();
  }

  /** When all calls have come back, whatever they gave, that of `close` too. */
  async idle(): Promise<void> {
    await this.#native.idle();
  }

  /** Forward only. */
  async evaluate(tokens: Int32Array, targets: Int32Array): Promise<Losses> {
    this.#checkBatch(tokens, targets);
    const report = new Float64Array(2);
    await this.#native.run("evaluate", tokens, targets, report);
    return losses(report);
  }

  /** Logits [B, V] for the token after position at[b] of sequence b, from tokens [B, T]; float32 with bf16, too. */
  async predict(tokens: Int32Array, at: Int32Array): Promise<Float32Array | Float64Array> {
    this.#checkTokens(tokens, "tokens");
    if (at.length !== this.batch || at.some((position) => position < 0 || position >= this.length))
      fail("run/position", `predict takes a position from 0 to ${this.length - 1} for each of ${this.batch} sequences`);
    const count = this.batch * this.vocabulary;
    const logits = this.manifest.dtype === "f64" ? new Float64Array(count) : new Float32Array(count);
    await this.#native.run("predict", tokens, at, logits);
    return logits;
  }

  /** The tensor's elements, row-major, as little-endian bytes. */
  async read(name: string): Promise<Uint8Array> {
    const tensor = this.#tensor(name);
    const bytes = new Uint8Array(tensor.bytes);
    await this.#native.run("read", name, bytes, BigInt(tensor.bytes));
    return bytes;
  }

  /** The tensor's elements, row-major. */
  async numbers(name: string): Promise<Numbers> {
    const { dtype } = this.#tensor(name);
    const { buffer } = await this.read(name);
    return dtype === "F64" ? new Float64Array(buffer) : dtype === "F32" ? new Float32Array(buffer) : new Int32Array(buffer);
  }

  /** Replaces the whole tensor. */
  async write(name: string, data: Bytes): Promise<void> {
    const tensor = this.#tensor(name);
    if (data.byteLength !== tensor.bytes) fail("run/size", `${name} has ${tensor.bytes} bytes, not ${data.byteLength}`);
    await this.#native.run("write", name, data, BigInt(tensor.bytes));
  }

  /** The first parameter, gradient or optimizer tensor with a value that is not finite. */
  async firstNotFinite(): Promise<string | undefined> {
    return this.#native.firstNotFinite();
  }

  /**
   * Where the time of a micro-step goes, in the order of the kernels' first calls: the last one, run again, on a GPU with its kernels one by
   * one. Adds to the gradients.
   */
  async profile(rounds: number): Promise<KernelTime[]> {
    const lines = (await this.#native.profile(rounds)).split("\n").filter((line) => line !== "");
    return lines.map((line) => {
      const [name = "", calls, milliseconds] = line.split("\t");
      return { name, calls: Number(calls), milliseconds: Number(milliseconds) };
    });
  }

  /** Milliseconds that the last micro-step and the last update take on the GPU, by its own clock; each is done again. CUDA only. */
  async deviceTime(): Promise<{ microStep: number; update: number }> {
    const report = new Float64Array(2);
    await this.#native.run("time", 1, report);
    return { microStep: report[0] ?? Number.NaN, update: report[1] ?? Number.NaN };
  }

  /** Bytes that are read and written in a second while memory is copied: the best of some rounds. All tensors are lost. */
  async copySpeed(rounds: number): Promise<number> {
    const report = new Float64Array(1);
    await this.#native.run("copySpeed", rounds, report);
    return report[0] ?? Number.NaN;
  }

  async close(): Promise<void> {
    await this.#native.close();
  }

  #tensor(name: string): ManifestTensor {
    return this.#tensors.get(name) ?? fail("run/tensor", `the model has no tensor "${name}"`);
  }

  #checkBatch(tokens: Int32Array, targets: Int32Array): void {
    this.#checkTokens(tokens, "tokens");
    this.#checkTokens(targets, "targets");
  }

  /** The native code indexes tables with them: a number outside of the vocabulary must never reach it. */
  #checkTokens(ids: Int32Array, what: string): void {
    if (ids.length !== this.batch * this.length)
      fail("run/batch", `a micro-batch has ${this.batch} × ${this.length} ${what}, not ${ids.length}`);
    const wrong = ids.findIndex((id) => id < 0 || id >= this.vocabulary);
    if (wrong >= 0)
      fail("run/token", `${what}[${wrong}] is ${ids[wrong]}; the model's vocabulary has the tokens 0 to ${this.vocabulary - 1}`, {
        help: "was the data made with another tokenizer than the model's?",
      });
  }
}

function losses(report: Float64Array): Losses {
  return { loss: report[0] ?? Number.NaN, balance: report[1] ?? 0 };
}
