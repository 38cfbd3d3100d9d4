/** What `mlac train` does before it trains: finds what to go on with, decides for what to build, builds. */
import { dirname } from "node:path";
import type { Recipe, RunCheckpoint } from "../../runtime/runs.js";
import type { Overrides } from "../../runtime/settings.js";
import type { TrainOptions } from "../../runtime/train.js";
import type { Built } from "../build.js";
import { buildModel, explain } from "./command.js";
import type { TrainCommandOptions } from "./train.js";

export interface Prepared {
  recipe: Recipe;
  /** The run's folder. */
  folder: string;
  from?: RunCheckpoint;
  built: Built;
  training(overrides: Overrides): Omit<TrainOptions, "progress">;
}

export interface Preparing {
  say: (text: string) => void;
  /** Says nothing of the build. */
  quiet?: boolean;
  /** The checkpoint to resume is hashed already: by the process that started this one, on this host. */
  hashed?: boolean;
  /** Ranks build one after the other. */
  inTurn?: (build: () => Promise<Built>) => Promise<Built>;
}

/** Errors: whatever a build can have, use/run, run/checkpoint, run/model. */
export async function prepareTraining(
  model: string | undefined,
  options: TrainCommandOptions,
  given: (name: keyof TrainCommandOptions) => boolean,
  { say, quiet = false, hashed = false, inTurn = (build) => build() }: Preparing,
): Promise<Prepared> {
  const runs = await import("../../runtime/runs.js");
  const from = options.resume ? await runs.findCheckpoint(runToResume(runs, options.run, model, say), say, hashed) : undefined;
  const before = from?.state.recipe;
  const out = options.out ?? before?.out;
  const asked = given("target") ? options.target : (before?.target ?? options.target);
  const dtype = options.dtype ?? (before?.target === asked ? before?.dtype : undefined);
  const { arch } = options;
  const { measuredFor } = await import("../measured.js");
  const { targetToRun } = await import("../chooseTarget.js");
  const chosen = await targetToRun({ target: asked, ...(dtype ? { dtype } : {}), ...(arch ? { arch } : {}) });
  const name = model ?? before?.model ?? "model.ts";
  // A run that goes on keeps the choices that it began with, whatever was measured since.
  const measured = from ? before?.measured : await measuredFor({ model: name, ...chosen, ...(arch ? { arch } : {}) });
  const recipe: Recipe = {
    model: name,
    directory: model === undefined && before ? before.directory : process.cwd(),
    set: { ...before?.set, ...options.set },
    fuse: await explain(chosen, { ...before?.fuse, ...options.fuse }, say),
    dtype: chosen.dtype,
    target: chosen.target,
    ...(measured === undefined ? {} : { measured }),
    ...(out === undefined ? {} : { out }),
  };
  const folder = from ? dirname(dirname(from.path)) : (options.run ?? runs.newRunFolder(recipe.model));
  const { directory: _, ...choices } = recipe;
  const forGpu = arch !== undefined && chosen.target === "cuda" ? { arch } : {};
  const wanted = { ...choices, ...forGpu, model: from ? runs.modelOf(recipe) : recipe.model };
  const built = await inTurn(() => buildModel(wanted, { quiet }));
  const { version } = await import("../package.js");
  return {
    recipe,
    folder,
    ...(from ? { from } : {}),
    built,
    training: (overrides) => ({
      built,
      recipe,
      folder,
      overrides: { ...from?.state.overrides, ...overrides },
      ...(from ? { from } : {}),
      threads: options.threads ?? 0,
      mlac: version,
    }),
  };
}

function runToResume(
  runs: typeof import("../../runtime/runs.js"),
  run: string | undefined,
  model: string | undefined,
  say: (text: string) => void,
): string {
  const found = run ?? runs.newestRun(model);
  if (found !== undefined) say(`going on with ${found}`);
  return found ?? runs.noRun(model);
}
