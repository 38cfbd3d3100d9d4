/** The folders of runs: runs/<model>-<date>, with metrics.jsonl, report.html, sample.txt and checkpoints/. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { fail } from "../compiler/diagnostics.js";
import type { MeasuredChoices } from "../compiler/measured.js";
import { modelName } from "../compiler/place.js";
import type { Real, Target } from "../compiler/target.js";
import type { Position } from "./batches.js";
import { type Checkpoint, latestCheckpoint, openCheckpoint } from "./checkpoint.js";
import { manifestName } from "./checkpointManifest.js";
import type { Overrides } from "./settings.js";

/** What a model was built from; kept in every checkpoint, so that it can be built again. */
export interface Recipe {
  /** As it was named, and the folder that it was named from. */
  model: string;
  directory: string;
  set: Record<string, string>;
  fuse: Record<string, string>;
  /** What it was trained on: `auto` is decided by then. */
  dtype: Real;
  target: Target;
  /** What `auto` stood for when the run began. */
  measured?: MeasuredChoices;
  out?: string;
}

/** state.json of a checkpoint, beside `step`. */
export interface RunState {
  recipe: Recipe;
  overrides: Overrides;
  position: Position;
  tokenizer: string;
}

/** A checkpoint that `mlac train` wrote. */
export type RunCheckpoint = Checkpoint & { state: RunState };

export interface RunPaths {
  folder: string;
  checkpoints: string;
  metrics: string;
  sample: string;
  /** What was built and where it ran, see report/facts.ts. */
  facts: string;
  report: string;
}

export function pathsOf(folder: string): RunPaths {
  const at = (name: string): string => join(folder, name);
  return {
    folder,
    checkpoints: at("checkpoints"),
    metrics: at("metrics.jsonl"),
    sample: at("sample.txt"),
    facts: at("run.json"),
    report: at("report.html"),
  };
}

const runsFolder = "runs";

/** runs/tiny-2026-11-23-190512, in local time; numbered where two runs start in one second. */
export function newRunFolder(model: string, now = new Date()): string {
  const two = (number: number): string => String(number).padStart(2, "0");
  const day = [now.getFullYear(), two(now.getMonth() + 1), two(now.getDate())].join("-");
  const name = `${modelName(model)}-${day}-${two(now.getHours())}${two(now.getMinutes())}${two(now.getSeconds())}`;
  for (let number = 1; ; number++) {
    const folder = join(runsFolder, number === 1 ? name : `${name}-${number}`);
    if (!existsSync(folder)) return folder;
  }
}

/** The newest run that has a checkpoint; of one model, where it is given. */
export function newestRun(model?: string): string | undefined {
  if (!existsSync(runsFolder)) return undefined;
  const wanted =
    model === undefined ? undefined : new RegExp(`^${modelName(model).replaceAll(".", "\\.")}-\\d{4}-\\d{2}-\\d{2}-\\d{6}(-\\d+)?$`);
  const runs = readdirSync(runsFolder)
    .filter((name) => wanted === undefined || wanted.test(name))
    .map((name) => join(runsFolder, name))
    .filter((folder) => existsSync(join(folder, "checkpoints")))
    .map((folder) => ({ folder, time: statSync(join(folder, "checkpoints")).mtimeMs }));
  return runs.sort((a, b) => b.time - a.time)[0]?.folder;
}

/** Where newestRun found none. */
export function noRun(model?: string): never {
  const whose = model === undefined ? "" : ` of ${modelName(model)}`;
  return fail("use/run", `there is no run${whose} with a checkpoint in ${resolve(runsFolder)}`, {
    help: "name one with its folder; `mlac train` makes them",
  });
}

/**
 * A run's folder, its checkpoints folder, or one checkpoint, which whoever started this process may have `hashed`: the newest good one in
 * there. Errors: run/checkpoint.
 */
export async function findCheckpoint(path: string, note: (text: string) => void, hashed = false): Promise<RunCheckpoint> {
  if (!existsSync(path))
    fail("run/checkpoint", `there is no ${path}`, { help: "name a run (runs/…) or a checkpoint in it; `mlac train` makes them" });
  const checkpoint = existsSync(join(path, manifestName)) ? await openCheckpoint(path, hashed) : await newestIn(path, note);
  if (typeof (checkpoint.state["recipe"] as Recipe | undefined)?.model !== "string")
    fail("run/checkpoint", `${checkpoint.path} does not say what model it is of: it was not written by mlac train`);
  return checkpoint as Checkpoint & { state: Checkpoint["state"] & RunState };
}

async function newestIn(path: string, note: (text: string) => void): Promise<Checkpoint> {
  const { checkpoints } = pathsOf(path);
  const { checkpoint, rejected } = await latestCheckpoint(existsSync(checkpoints) ? checkpoints : path);
  for (const { reason } of rejected) note(`passed over: ${reason}`);
  return (
    checkpoint ??
    fail(
      "run/checkpoint",
      `${path} has no good checkpoint`,
      rejected.length > 0 ? {} : { help: "a run saves its first one at its first interval, or at its end" },
    )
  );
}

/** The model's file: from where it was named, else from here. Errors: run/model. */
export function modelOf(recipe: Recipe): string {
  const found = [resolve(recipe.directory, recipe.model), resolve(recipe.model)].find((path) => existsSync(path));
  return (
    found ??
    fail("run/model", `${recipe.model}, which the checkpoint is of, is not there any more`, {
      help: `put it back, in ${recipe.directory} or here`,
    })
  );
}
