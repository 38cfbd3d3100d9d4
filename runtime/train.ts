/**
 * The training loop: micro-steps, an update, and at their intervals an evaluation, a sample, a checkpoint.
 *
 * A resumed run gives the same bits as one that was never stopped: everything a step depends on is in the checkpoint (weights,
 * optimizer, position in the data) or follows from the step's number (learning rate, the sampler's random numbers).
 */
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { fail } from "../compiler/diagnostics.js";
import { restoreCheckpoint, saveCheckpoint } from "./checkpoint.js";
import { sentenceOf } from "./checkpointManifest.js";
import { continueText } from "./continuation.js";
import { type Evaluation, evaluate, expertLoads } from "./evaluation.js";
import { type MetricsFile, openMetrics } from "./metrics.js";
import type { Progress } from "./progress.js";
import { Random, scrambleAll } from "./random.js";
import { pathsOf, type Recipe, type RunCheckpoint, type RunPaths, type RunState } from "./runs.js";
import { printable } from "./sample.js";
import { rateAt } from "./schedule.js";
import { type BuiltModel, openSession, type Session } from "./session.js";
import { type Overrides, type Settings, settingsOf } from "./settings.js";
import { type Signals, watchSignals } from "./signals.js";
import { storesOf } from "./stores.js";
import { openTrainingData, type TrainingData } from "./trainingData.js";

export interface TrainOptions {
  built: BuiltModel;
  recipe: Recipe;
  overrides: Overrides;
  /** The run's folder; a new run never goes into one that has a run already. */
  folder: string;
  /** Goes on from it. */
  from?: RunCheckpoint;
  /** 0 or absent: one a processor. */
  threads?: number;
  progress: Progress;
  /** mlac's version, for the checkpoints. */
  mlac: string;
}

export interface Outcome {
  folder: string;
  /** Steps done, of those that were wanted. */
  step: number;
  steps: number;
  /** Cross entropy of the last step, nats a token. */
  loss: number;
  validation?: Evaluation;
  checkpoint: string;
  /** The prompt and what the model made of it. */
  sample?: string;
  seconds: number;
  /** What stopped it before its end. */
  signal?: NodeJS.Signals;
}

/** Errors: use/run, data/*, plan/*, run/load, run/memory, run/diverged, run/disk. The session and all files are closed on every way out. */
export async function train(options: TrainOptions): Promise<Outcome> {
  const { built, overrides, from, progress } = options;
  const settings = settingsOf(built.manifest.plan, overrides);
  const paths = pathsOf(options.folder);
  const first = (from?.step ?? 0) + 1;
  if (first > settings.steps)
    fail("use/steps", `${paths.folder} has done all of its ${settings.steps} steps`, {
      help: `give it more: --resume --steps ${2 * settings.steps}`,
    });
  if (from === undefined && existsSync(paths.metrics))
    fail("use/run", `${paths.folder} has a run already`, { help: "go on with it (--resume), or choose another folder with --run" });

  const session = await openSession(built, { threads: options.threads ?? 0 });
  let data: TrainingData | undefined;
  let metrics: MetricsFile | undefined;
  const signals = watchSignals((signal) => progress.note(`${signal}: saving after this step; once more to stop at once`));
  try {
    data = await openTrainingData(settings, session, (text) => progress.note(text));
    if (from === undefined) await session.initialize(settings.seed);
    else {
      await restoreCheckpoint(from, { ...storesOf(session), dtype: built.manifest.dtype });
      data.train.seek(from.state.position);
    }
    mkdirSync(paths.folder, { recursive: true });
    metrics = openMetrics(paths.metrics, from?.step ?? 0);
    return await new Run(options, settings, paths, session, data, metrics, signals).go(first);
  } finally {
    signals.release();
    progress.end();
    metrics?.close();
    data?.close();
    await session.close();
  }
}

class Run {
  readonly #options: TrainOptions;
  readonly #settings: Settings;
  readonly #paths: RunPaths;
  readonly #session: Session;
  readonly #data: TrainingData;
  readonly #metrics: MetricsFile;
  readonly #signals: Signals;
  #checkpoint: string | undefined;
  #validation: Evaluation | undefined;
  #sample: string | undefined;

  constructor(
    options: TrainOptions,
    settings: Settings,
    paths: RunPaths,
    session: Session,
    data: TrainingData,
    metrics: MetricsFile,
    signals: Signals,
  ) {
    this.#options = options;
    this.#settings = settings;
    this.#paths = paths;
    this.#session = session;
    this.#data = data;
    this.#metrics = metrics;
    this.#signals = signals;
    this.#checkpoint = options.from?.path;
  }

  async go(first: number): Promise<Outcome> {
    const { steps } = this.#settings;
    const started = performance.now();
    let step = first;
    let loss = await this.#step(step);
    while (step < steps && this.#signals.received === undefined) loss = await this.#step(++step);
    const { received: signal } = this.#signals;
    return {
      folder: this.#paths.folder,
      step,
      steps,
      loss,
      ...(this.#validation ? { validation: this.#validation } : {}),
      checkpoint: this.#checkpoint ?? "",
      ...(this.#sample === undefined ? {} : { sample: this.#sample }),
      seconds: (performance.now() - started) / 1000,
      ...(step < steps && signal ? { signal } : {}),
    };
  }

  /** One step and whatever is due after it. Gives its loss. */
  async #step(step: number): Promise<number> {
    const { steps, schedule, lrScale, accumulate } = this.#settings;
    const session = this.#session;
    const started = performance.now();
    const rate = rateAt(schedule, step, steps) * lrScale;
    const { epoch } = this.#data.train.position;
    let loss = 0;
    let balance = 0;
    for (let micro = 0; micro < accumulate; micro++) {
      const { tokens, targets } = this.#data.train.next();
      const losses = await session.microStep(tokens, targets, 1 / accumulate, micro === 0);
      loss += losses.loss / accumulate;
      balance += losses.balance / accumulate;
    }
    if (!Number.isFinite(loss + balance)) await this.#diverged(step, "loss", loss + balance);
    const { norm } = await session.update(step, rate, this.#settings.clip);
    if (!Number.isFinite(norm)) await this.#diverged(step, "norm of the gradients", norm);

    const seconds = (performance.now() - started) / 1000;
    const tokens = accumulate * session.batch * session.length;
    this.#options.progress.step({ step, steps, loss, rate, tokens, seconds });

    const last = step === steps;
    const stopping = (): boolean => this.#signals.received !== undefined && !last;
    const due = (every: number): boolean => !stopping() && (last || step % every === 0);
    const validation = due(this.#settings.evaluate.every) ? await this.#evaluate(step) : undefined;
    const load = last || step % 10 === 0 || validation ? await expertLoads(session) : undefined;
    this.#metrics.add({
      step,
      loss,
      balance,
      rate,
      gradNorm: norm,
      tokensPerSecond: tokens / seconds,
      seconds,
      epoch,
      ...(validation ? { validationLoss: validation.loss } : {}),
      ...(validation?.bitsPerByte === undefined ? {} : { bitsPerByte: validation.bitsPerByte }),
      ...(load ? { load } : {}),
    });
    if (this.#settings.sample && due(this.#settings.sample.every)) await this.#continue(step, this.#settings.sample);
    // Asked again: the signal may have come during the evaluation, and after it no further step saves.
    if (stopping() || due(this.#settings.checkpoint.every)) await this.#save(step, validation?.loss, last || stopping());
    return loss;
  }

  async #evaluate(step: number): Promise<Evaluation | undefined> {
    const { validation, tokenizer } = this.#data;
    if (validation === undefined) return undefined;
    const stopped = (): boolean => this.#signals.received !== undefined && step < this.#settings.steps;
    const found = await evaluate(this.#session, validation, this.#settings.evaluate.batches, tokenizer, stopped);
    if (found === undefined) return undefined;
    this.#validation = found;
    this.#options.progress.note(`step ${step}   ${describe(found)}`);
    return found;
  }

  async #continue(step: number, { prompt, tokens }: NonNullable<Settings["sample"]>): Promise<void> {
    const random = new Random(scrambleAll(this.#settings.seed, step));
    const stopped = (): boolean => this.#signals.received !== undefined;
    const { text } = await continueText(this.#session, this.#data.tokenizer, prompt, {
      tokens,
      random,
      stopped,
      temperature: 0.8,
      topK: 50,
    });
    this.#sample = prompt + text;
    try {
      appendFileSync(this.#paths.sample, `── step ${step}\n${printable(this.#sample)}\n\n`);
    } catch (error) {
      this.#options.progress.note(`${this.#paths.sample} could not be written: ${sentenceOf(error)}`);
    }
  }

  /** An interval's checkpoint that cannot be written is no reason to stop: the last one is still there. The final one is. */
  async #save(step: number, score: number | undefined, final: boolean): Promise<void> {
    const { recipe, overrides, progress, mlac, built } = this.#options;
    const state: RunState = { recipe, overrides, position: this.#data.train.position, tokenizer: this.#settings.data.tokenizer };
    const { keep } = this.#settings.checkpoint;
    this.#metrics.sync();
    try {
      const saved = await saveCheckpoint(this.#paths.checkpoints, {
        ...storesOf(this.#session),
        step,
        state: { ...state },
        dtype: built.manifest.dtype,
        mlac,
        keep,
        ...(score === undefined ? {} : { score }),
      });
      this.#checkpoint = saved.path;
      for (const warning of saved.warnings) progress.note(warning);
    } catch (error) {
      if (final) throw error;
      progress.note(`${sentenceOf(error)}; training goes on`);
    }
  }

  /** Stops before anything is saved over. */
  async #diverged(step: number, what: string, value: number): Promise<never> {
    const tensor = await this.#session.firstNotFinite();
    this.#metrics.add({ step, loss: value });
    this.#metrics.sync();
    const where = tensor === undefined ? "no tensor has such a value yet" : `the first tensor with such a value is ${tensor}`;
    const back = this.#checkpoint === undefined ? "start again" : `go on from ${this.#checkpoint} (--resume --run ${this.#paths.folder})`;
    return fail("run/diverged", `step ${step}: the ${what} is ${value}; ${where}`, {
      help: `${back} with smaller learning rates, such as --lr-scale 0.5, a longer warm-up, or a limit on the gradients (clip: 1)`,
    });
  }
}

/** validation loss 1.2345, 1.781 bits/byte */
export function describe({ loss, bitsPerByte }: Evaluation): string {
  return `validation loss ${loss.toFixed(4)}${bitsPerByte === undefined ? "" : `, ${bitsPerByte.toFixed(3)} bits/byte`}`;
}
