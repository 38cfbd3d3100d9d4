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
import { ranksId } from "./place.js";
import type { Show } from "./progress.js";
import { factsToAgree, requireAgreement } from "./ranks/agreement.js";
import { alone, type Group } from "./ranks/group.js";
import { chooseGpu, shareThreads, shareWork } from "./ranks/share.js";
import { factsOf } from "./report/facts.js";
import { pathsOf, type Recipe, type RunCheckpoint } from "./runs.js";
import { type BuiltModel, openSession, type Session } from "./session.js";
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
  progress: Show;
  /** mlac's version, for the checkpoints. */
  mlac: string;
  /** Where this process is one of several ranks; all of them call train. */
  group?: Group;
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

/**
 * Errors: use/run, use/accumulate, data/*, plan/*, run/load, run/memory, run/ranks, run/diverged, run/disk. The session and all files are
 * closed on every way out.
 */
export async function train(options: TrainOptions): Promise<Outcome> {
  const { built, overrides, from, progress, group = alone } = options;
  const settings = settingsOf(built.manifest.plan, overrides);
  const paths = pathsOf(options.folder);
  const first = (from?.step ?? 0) + 1;
  if (first > settings.steps)
    fail("use/steps", `${paths.folder} has done all of its ${settings.steps} steps`, {
      help: `give it more: --resume --steps ${2 * settings.steps}`,
    });
  if (group.leads && from === undefined && existsSync(paths.metrics))
    fail("use/run", `${paths.folder} has a run already`, { help: "go on with it (--resume), or choose another folder with --run" });
  shareWork(settings.accumulate, group.size);

  let data: TrainingData | undefined;
  let session: Session | undefined;
  let diary: Diary | undefined;
  const signals = watchSignals((signal) => progress.note(`${signal}: saving after this step; once more to stop at once`));
  try {
    const note = (text: string): void => progress.note(text);
    group.at("opening the data");
    data = await group.inTurns("opening the data", () => openTrainingData(settings, built.manifest.tokens, note));
    const opened = await open(options, group, factsToAgree({ built, settings, data, ...(from ? { from } : {}) }));
    session = opened;
    group.at("drawing or reading the weights");
    if (from === undefined) await opened.initialize(settings.seed);
    else {
      await restoreCheckpoint(from, { ...storesOf(opened), dtype: storedReal(built.manifest.dtype) });
      data.train.seek(from.state.position);
    }
    group.at("measuring kernels");
    await group.inTurns("measuring kernels", () => opened.tune(note));
    if (group.leads) {
      makeFolder(paths.folder);
      const facts = await factsOf(options, settings, first);
      diary = await Diary.open({ paths, settings, facts, first, note });
    }
    const parts = { options, settings, paths, session, data, group, signals, ...(diary ? { diary } : {}) };
    return await new Loop(parts).go(first);
  } finally {
    signals.release();
    progress.end();
    diary?.close();
    data?.close();
    group.watch(undefined);
    await session?.close();
  }
}

/** All ranks open theirs together, once they know that they are of one kind. */
async function open({ built, threads = 0 }: TrainOptions, group: Group, facts: Record<string, string>): Promise<Session> {
  const { place } = group;
  if (place === undefined) return await openSession(built, { threads });
  const { target } = built.manifest;
  if (target === "cuda") chooseGpu(place);
  const own = { facts, id: group.leads ? Buffer.from(await ranksId(built)).toString("hex") : "" };
  const all = await group.meet("comparing", own);
  requireAgreement(all.map((one) => one.facts));
  group.at("opening the model");
  const { rank, size } = place;
  const id = Uint8Array.from(Buffer.from(all[0]?.id ?? "", "hex"));
  const session = await openSession(built, {
    threads: target === "cpu" ? shareThreads(place, threads) : threads,
    place: { rank, size, id, timeout: group.timeout + margin },
  });
  group.watch(session);
  return session;
}

/** Seconds by which the native code waits longer than the ranks' watch, whose report says more. */
const margin = 5;

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    failOn(error, "run/disk", `the run's folder ${folder} cannot be made`, "choose another with --run");
  }
}
