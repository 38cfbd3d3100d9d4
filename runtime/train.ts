/**
 * A training run: opens the model, the data and the run's folder, lets the loop do its steps, and closes everything again.
 *
 * A resumed run gives the same bits as one that was never stopped: everything a step depends on is in the checkpoint (weights,
 * optimizer, position in the data) or follows from the step's number (learning rate, the sampler's random numbers).
 */
import { existsSync, mkdirSync } from "node:fs";
import { fail } from "../compiler/diagnostics.js";
import { storedReal } from "../compiler/target.js";
import { restoreCheckpoint } from "./checkpoint.js";
import { Diary } from "./diary.js";
import { failOn } from "./durable.js";
import type { Evaluation } from "./evaluation.js";
import { Loop } from "./loop.js";
import type { Progress } from "./progress.js";
import { factsOf } from "./report/facts.js";
import { pathsOf, type Recipe, type RunCheckpoint } from "./runs.js";
import { type BuiltModel, openSession } from "./session.js";
import { type Overrides, settingsOf } from "./settings.js";
import { watchSignals } from "./signals.js";
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
  /** The path of report.html. */
  report?: string;
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
  let diary: Diary | undefined;
  const signals = watchSignals((signal) => progress.note(`${signal}: saving after this step; once more to stop at once`));
  try {
    data = await openTrainingData(settings, session, (text) => progress.note(text));
    if (from === undefined) await session.initialize(settings.seed);
    else {
      await restoreCheckpoint(from, { ...storesOf(session), dtype: storedReal(built.manifest.dtype) });
      data.train.seek(from.state.position);
    }
    await session.tune((text) => progress.note(text));
    makeFolder(paths.folder);
    const facts = await factsOf(options, settings, first);
    diary = await Diary.open({ paths, settings, facts, first, note: (text) => progress.note(text) });
    return await new Loop({ options, settings, paths, session, data, diary, signals }).go(first);
  } finally {
    signals.release();
    progress.end();
    diary?.close();
    data?.close();
    await session.close();
  }
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    failOn(error, "run/disk", `the run's folder ${folder} cannot be made`, "choose another with --run");
  }
}
