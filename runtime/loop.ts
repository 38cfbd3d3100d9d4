/** The steps of a training run, one after the other, and what is due after each. */
import { fail } from "../compiler/diagnostics.js";
import { storedReal } from "../compiler/target.js";
import { saveCheckpoint } from "./checkpoint.js";
import { sentenceOf } from "./checkpointManifest.js";
import { addSample, continueText } from "./continuation.js";
import type { Diary } from "./diary.js";
import { describe, type Evaluation, evaluate, expertLoads } from "./evaluation.js";
import { Random, scrambleAll } from "./random.js";
import type { RunPaths, RunState } from "./runs.js";
import { rateAt } from "./schedule.js";
import type { Session } from "./session.js";
import type { Settings } from "./settings.js";
import type { Signals } from "./signals.js";
import { storesOf } from "./stores.js";
import type { Outcome, TrainOptions } from "./train.js";
import type { TrainingData } from "./trainingData.js";

/** All of them open; whoever opened them closes them. */
export interface Parts {
  options: TrainOptions;
  settings: Settings;
  paths: RunPaths;
  session: Session;
  data: TrainingData;
  diary: Diary;
  signals: Signals;
}

export class Loop {
  readonly #options: TrainOptions;
  readonly #settings: Settings;
  readonly #paths: RunPaths;
  readonly #session: Session;
  readonly #data: TrainingData;
  readonly #diary: Diary;
  readonly #signals: Signals;
  #checkpoint: string | undefined;
  #validation: Evaluation | undefined;
  #sample: string | undefined;

  constructor(parts: Parts) {
    this.#options = parts.options;
    this.#settings = parts.settings;
    this.#paths = parts.paths;
    this.#session = parts.session;
    this.#data = parts.data;
    this.#diary = parts.diary;
    this.#signals = parts.signals;
    this.#checkpoint = parts.options.from?.path;
  }

  /** From step `first` to the last one, or to a signal. */
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
      ...(this.#diary.reported ? { report: this.#paths.report } : {}),
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
    if (!Number.isFinite(loss + balance)) await this.#diverged(step, "loss", { loss, balance });
    const { norm } = await session.update(step, rate, this.#settings.clip);
    if (!Number.isFinite(norm)) await this.#diverged(step, "norm of the gradients", { loss, balance, gradNorm: norm });

    const seconds = (performance.now() - started) / 1000;
    const tokens = accumulate * session.batch * session.length;
    this.#options.progress.step({ step, steps, loss, rate, tokens, seconds });

    const last = step === steps;
    const stopping = (): boolean => this.#signals.received !== undefined && !last;
    const due = (every: number): boolean => !stopping() && (last || step % every === 0);
    const validation = due(this.#settings.evaluate.every) ? await this.#evaluate(step) : undefined;
    const load = last || step % 10 === 0 || validation ? await expertLoads(session) : undefined;
    this.#diary.record({
      step,
      time: Date.now() / 1000,
      loss,
      balance,
      rate,
      lr: this.#learningRates(rate),
      gradNorm: norm,
      tokensPerSecond: tokens / seconds,
      seconds,
      epoch,
      ...(validation ? { validationLoss: validation.loss } : {}),
      ...(validation?.bitsPerByte === undefined ? {} : { bitsPerByte: validation.bitsPerByte }),
      ...(load ? { load } : {}),
      ...(last || validation || step % 10 === 0 ? { memory: process.memoryUsage.rss() } : {}),
    });
    if (this.#settings.sample && due(this.#settings.sample.every)) await this.#continue(step, this.#settings.sample);
    // Asked again: the signal may have come during the evaluation, and after it no further step saves.
    if (stopping() || due(this.#settings.checkpoint.every)) await this.#save(step, validation?.loss, last || stopping());
    return loss;
  }

  /** By the plan's groups of parameters. */
  #learningRates(rate: number): Record<string, number> {
    const { optimizer } = this.#options.built.manifest.plan;
    return Object.fromEntries(Object.values(optimizer).map(({ group, lr }) => [group, lr * rate]));
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
    const problem = addSample(this.#paths.sample, step, this.#sample);
    if (problem !== undefined) this.#options.progress.note(problem);
  }

  /** An interval's checkpoint that cannot be written is no reason to stop: the last one is still there. The final one is. */
  async #save(step: number, score: number | undefined, final: boolean): Promise<void> {
    const { recipe, overrides, progress, mlac, built } = this.#options;
    const state: RunState = { recipe, overrides, position: this.#data.train.position, tokenizer: this.#settings.data.tokenizer };
    const { keep } = this.#settings.checkpoint;
    try {
      this.#diary.sync();
      const saved = await saveCheckpoint(this.#paths.checkpoints, {
        ...storesOf(this.#session),
        step,
        state: { ...state },
        dtype: storedReal(built.manifest.dtype),
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
    await this.#diary.report();
  }

  /** Stops before anything is saved over. */
  async #diverged(step: number, what: string, found: { loss: number; balance: number; gradNorm?: number }): Promise<never> {
    const tensor = await this.#session.firstNotFinite();
    const value = found.gradNorm ?? found.loss + found.balance;
    this.#diary.record({ step, time: Date.now() / 1000, ...found });
    await this.#diary.report();
    const where = tensor === undefined ? "no tensor has such a value yet" : `the first tensor with such a value is ${tensor}`;
    const back = this.#checkpoint === undefined ? "start again" : `go on from ${this.#checkpoint} (--resume --run ${this.#paths.folder})`;
    return fail("run/diverged", `step ${step}: the ${what} is ${value}; ${where}`, {
      help: `${back} with smaller learning rates, such as --lr-scale 0.5, a longer warm-up, or a limit on the gradients (clip: 1)`,
    });
  }
}
