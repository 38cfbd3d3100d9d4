/** The steps of a training run, one after the other, and what is due after each. */
import { fail } from "../compiler/diagnostics.js";
import { storedReal } from "../compiler/target.js";
import { saveCheckpoint } from "./checkpoint.js";
import { sentenceOf } from "./checkpointManifest.js";
import { addSample, continueText } from "./continuation.js";
import type { Diary } from "./diary.js";
import { describe, type Evaluation, evaluate, expertLoads } from "./evaluation.js";
import { Random, scrambleAll } from "./random.js";
import type { Group } from "./ranks/group.js";
import { injectFault } from "./ranks/injected.js";
import type { RunPaths, RunState } from "./runs.js";
import { rateAt } from "./schedule.js";
import type { Session } from "./session.js";
import type { Settings } from "./settings.js";
import type { Signals } from "./signals.js";
import { storesOf } from "./stores.js";
import type { Outcome, TrainOptions } from "./train.js";
import type { TrainingData } from "./trainingData.js";
import { agreeOnSignal, type StepParts, type StepResult, trainStep } from "./trainStep.js";

/** All of them open; whoever opened them closes them. */
export interface Parts {
  options: TrainOptions;
  settings: Settings;
  paths: RunPaths;
  session: Session;
  data: TrainingData;
  group: Group;
  /** Rank 0's alone. */
  diary?: Diary;
  signals: Signals;
}

export class Loop {
  readonly #options: TrainOptions;
  readonly #settings: Settings;
  readonly #paths: RunPaths;
  readonly #session: Session;
  readonly #data: TrainingData;
  readonly #group: Group;
  readonly #diary: Diary | undefined;
  readonly #parts: StepParts;
  /** What ends the run before its last step, as all ranks have agreed. */
  #agreed: NodeJS.Signals | undefined;
  #checkpoint: string | undefined;
  #validation: Evaluation | undefined;
  #sample: string | undefined;

  constructor({ options, settings, paths, session, data, group, diary, signals }: Parts) {
    this.#options = options;
    this.#settings = settings;
    this.#paths = paths;
    this.#session = session;
    this.#data = data;
    this.#group = group;
    this.#diary = diary;
    const { accumulate, clip } = settings;
    this.#parts = { session, train: data.train, group, accumulate, clip, received: () => signals.received ?? group.signal };
    this.#checkpoint = options.from?.path;
  }

  /** From step `first` to the last one, or to a signal. */
  async go(first: number): Promise<Outcome> {
    const { steps } = this.#settings;
    const started = performance.now();
    let step = first;
    let loss = await this.#step(step);
    while (step < steps && this.#stop === undefined) loss = await this.#step(++step);
    const signal = this.#stop;
    return {
      folder: this.#paths.folder,
      step,
      steps,
      loss,
      ...(this.#validation ? { validation: this.#validation } : {}),
      checkpoint: this.#checkpoint ?? "",
      ...(this.#sample === undefined ? {} : { sample: this.#sample }),
      ...(this.#diary?.reported ? { report: this.#paths.report } : {}),
      seconds: (performance.now() - started) / 1000,
      ...(step < steps && signal ? { signal } : {}),
    };
  }

  /** One process stops as soon as it can; ranks have to stop together. */
  get #stop(): NodeJS.Signals | undefined {
    return this.#group.place === undefined ? this.#parts.received() : this.#agreed;
  }

  /** One step and whatever is due after it. Gives its loss. */
  async #step(step: number): Promise<number> {
    const { steps, schedule, lrScale, accumulate } = this.#settings;
    const session = this.#session;
    const started = performance.now();
    const rate = rateAt(schedule, step, steps) * lrScale;
    const { epoch } = this.#data.train.position;
    this.#group.at(`step ${step}`);
    const result = await trainStep(this.#parts, step, rate);
    const { loss, balance, norm, traffic } = result;
    if (!Number.isFinite(loss + balance + norm)) await this.#diverged(step, result);
    this.#agreed = result.signal;

    const seconds = (performance.now() - started) / 1000;
    const tokens = accumulate * session.batch * session.length;
    this.#options.progress.step({ step, steps, loss, rate, tokens, seconds });

    const last = step === steps;
    const stopping = (): boolean => this.#stop !== undefined && !last;
    const due = (every: number): boolean => !stopping() && (last || step % every === 0);
    const evaluating = due(this.#settings.evaluate.every);
    const sampling = this.#settings.sample && due(this.#settings.sample.every) ? this.#settings.sample : undefined;
    const validation = evaluating ? await this.#evaluate(step) : undefined;
    const load = last || step % 10 === 0 || validation ? await expertLoads(session, this.#group) : undefined;
    this.#diary?.record({
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
      ...(traffic ? { ranks: this.#group.size, ...communication(traffic) } : {}),
      ...(validation ? { validationLoss: validation.loss } : {}),
      ...(validation?.bitsPerByte === undefined ? {} : { bitsPerByte: validation.bitsPerByte }),
      ...(load ? { load } : {}),
      ...(last || validation || step % 10 === 0 ? { memory: process.memoryUsage.rss() } : {}),
    });
    if (sampling) await this.#group.leading(`sampling after step ${step}`, () => this.#continue(step, sampling));
    // Asked again: the signal may have come meanwhile, and after it no further step saves.
    if (evaluating || sampling) this.#agreed = await agreeOnSignal(this.#parts);
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
    const stopped = (): boolean => this.#parts.received() !== undefined && step < this.#settings.steps;
    const found = await evaluate(this.#session, validation, this.#settings.evaluate.batches, tokenizer, this.#group, stopped);
    if (found === undefined) return undefined;
    this.#validation = found;
    this.#options.progress.note(`step ${step}   ${describe(found)}`);
    return found;
  }

  async #continue(step: number, { prompt, tokens }: NonNullable<Settings["sample"]>): Promise<void> {
    const random = new Random(scrambleAll(this.#settings.seed, step));
    const stopped = (): boolean => this.#parts.received() !== undefined;
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
    await this.#group.collecting(`saving after step ${step}`, this.#session, async (read) => {
      await injectFault("save", this.#group.rank);
      try {
        this.#diary?.sync();
        const saved = await saveCheckpoint(this.#paths.checkpoints, {
          ...storesOf(this.#session, read),
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
      await this.#diary?.report();
    });
  }

  /** Stops before anything is saved over. All ranks come here, and say the same. */
  async #diverged(step: number, { loss, balance, norm, worstRank }: StepResult): Promise<never> {
    const what = Number.isFinite(loss + balance) ? "norm of the gradients" : "loss";
    const value = what === "loss" ? loss + balance : norm;
    this.#diary?.record({ step, time: Date.now() / 1000, loss, balance, gradNorm: norm });
    await this.#diary?.report();
    const firsts = await this.#group.meet("diverged", (await this.#session.firstNotFinite()) ?? null);
    const at = firsts[worstRank ?? -1] == null ? firsts.findIndex((name) => name !== null) : (worstRank ?? 0);
    const on = (rank: number | undefined): string => (this.#group.size > 1 && rank !== undefined && rank >= 0 ? ` on rank ${rank}` : "");
    const where =
      at < 0 ? "no tensor has such a value yet" : `the first tensor with such a value is ${firsts[at]}${at === worstRank ? "" : on(at)}`;
    const back = this.#checkpoint === undefined ? "start again" : `go on from ${this.#checkpoint} (--resume --run ${this.#paths.folder})`;
    return fail("run/diverged", `step ${step}: the ${what} is ${value}${on(worstRank)}; ${where}`, {
      help: `${back} with smaller learning rates, such as --lr-scale 0.5, a longer warm-up, or a limit on the gradients (clip: 1)`,
    });
  }
}

/** As metrics.jsonl names it. */
const communication = ({
  bytes,
  gradientBytes,
  microStepSeconds,
  updateSeconds,
}: NonNullable<StepResult["traffic"]>): Record<string, number> => ({
  sentBytes: bytes,
  sentGradientBytes: gradientBytes,
  exposedBackward: microStepSeconds,
  exposedUpdate: updateSeconds,
});
