import { dirname } from "node:path";
import type { Command } from "commander";
import type { Overrides } from "../../runtime/settings.js";
import { between, buildChoices, buildModel, count, declare, explain, type ModelOptions, note, print } from "./command.js";

interface Options extends ModelOptions, Overrides {
  run?: string;
  resume?: true;
  threads?: number;
}

export default function (program: Command): void {
  const summary = "train a model: builds it, feeds it, saves it";
  const examples = [
    "mlac train model.ts",
    "mlac train model.ts --steps 500 --lr-scale 0.5 --run runs/try",
    "mlac train --resume --run runs/try",
  ];
  buildChoices(
    declare(program, "train", summary, examples).argument("[model]", "the model's file (default: model.ts, or with --resume the run's)"),
  )
    .option("--steps <n>", "optimizer steps in all; a schedule that is too long for them is shortened", count(1))
    .option("--seed <n>", "starts the parameters and the order of the data", count(0))
    .option("--accumulate <n>", "micro-batches a step", count(1))
    .option("--lr-scale <x>", "multiply all learning rates", between(0))
    .option("--data <files>", 'what to train on: shards, a pattern of them, or "brown"')
    .option("--validation <files>", "what to validate with")
    .option("--eval-every <n>", "steps between two evaluations", count(1))
    .option("--checkpoint-every <n>", "steps between two checkpoints", count(1))
    .option("--no-sample", "write no samples")
    .option("--no-report", "write no report.html")
    .option("--no-tensorboard", "write no TensorBoard event files")
    .option("--run <folder>", "where metrics, samples and checkpoints go (default: runs/<model>-<date>)")
    .option("--resume", "go on from the newest good checkpoint of --run, or of the model's newest run")
    .option("--threads <n>", "threads to compute with (default: one a processor)", count(1))
    .action(async (model: string | undefined, options: Options, command: Command) => {
      const given = (name: keyof Options): boolean => command.getOptionValueSource(name) === "cli";
      const runs = await import("../../runtime/runs.js");
      const from = options.resume ? await runs.findCheckpoint(runToResume(runs, options.run, model), note) : undefined;
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
      const recipe = {
        model: name,
        directory: model === undefined && before ? before.directory : process.cwd(),
        set: { ...before?.set, ...options.set },
        fuse: await explain(chosen, { ...before?.fuse, ...options.fuse }),
        dtype: chosen.dtype,
        target: chosen.target,
        ...(measured === undefined ? {} : { measured }),
        ...(out === undefined ? {} : { out }),
      };
      const folder = from ? dirname(dirname(from.path)) : (options.run ?? runs.newRunFolder(recipe.model));
      const { directory: _, ...choices } = recipe;
      const forGpu = arch !== undefined && chosen.target === "cuda" ? { arch } : {};
      const built = await buildModel({ ...choices, ...forGpu, model: from ? runs.modelOf(recipe) : recipe.model });

      const { train } = await import("../../runtime/train.js");
      const { Progress } = await import("../../runtime/progress.js");
      const { version } = await import("../package.js");
      const outcome = await train({
        built,
        recipe,
        folder,
        overrides: { ...from?.state.overrides, ...overridesOf(options, given) },
        ...(from ? { from } : {}),
        threads: options.threads ?? 0,
        progress: await Progress.on(),
        mlac: version,
      });
      const { summary } = await import("../../runtime/summary.js");
      print(options, summary(outcome), { ok: true, ...outcome });
      const { exitCodeOf } = await import("../../runtime/signals.js");
      if (outcome.signal) process.exitCode = exitCodeOf(outcome.signal);
    });
}

function runToResume(runs: typeof import("../../runtime/runs.js"), run: string | undefined, model: string | undefined): string {
  const found = run ?? runs.newestRun(model);
  if (found !== undefined) note(`going on with ${found}`);
  return found ?? runs.noRun(model);
}

/** Only what was said: the rest is the plan's, or the resumed run's. */
function overridesOf(options: Options & { evalEvery?: number }, given: (name: keyof Options) => boolean): Overrides {
  const { steps, seed, accumulate, lrScale, evalEvery, checkpointEvery, data, validation } = options;
  const all = { steps, seed, accumulate, lrScale, evaluateEvery: evalEvery, checkpointEvery, data, validation };
  const said = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Overrides;
  const switches = (["sample", "report", "tensorboard"] as const).filter(given);
  return { ...said, ...Object.fromEntries(switches.map((name) => [name, options[name] ?? true])) };
}
