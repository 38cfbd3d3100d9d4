import type { Command } from "commander";
import type { Overrides } from "../../runtime/settings.js";
import type { Outcome } from "../../runtime/train.js";
import { type ModelOptions as BuildChoices, between, buildChoices, count, declare, note, print } from "./command.js";
import { prepareTraining } from "./prepareTraining.js";

export interface TrainCommandOptions extends BuildChoices, Overrides {
  run?: string;
  resume?: true;
  threads?: number;
  ranks?: number;
  timeout: number;
  evalEvery?: number;
}

export default function (program: Command): void {
  const summary = "train a model: builds it, feeds it, saves it";
  const examples = [
    "mlac train model.ts",
    "mlac train model.ts --steps 500 --lr-scale 0.5 --run runs/try",
    "mlac train model.ts -n 8 --accumulate 8",
    "mlac train --resume --run runs/try",
  ];
  buildChoices(
    declare(program, "train", summary, examples).argument("[model]", "the model's file (default: model.ts, or with --resume the run's)"),
  )
    .option("--steps <n>", "optimizer steps in all; a schedule that is too long for them is shortened", count(1))
    .option("--seed <n>", "starts the parameters and the order of the data", count(0))
    .option("--accumulate <n>", "micro-batches a step, by all ranks together", count(1))
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
    .option("--threads <n>", "threads to compute with (default: one a processor, shared out among a host's ranks)", count(1))
    .option("-n, --ranks <n>", "train on so many ranks of this machine: a GPU each, or processes that share the processors", count(1))
    .option("--timeout <seconds>", "a rank that is not heard for so long ends all", between(1), 60)
    .action(async (model: string | undefined, options: TrainCommandOptions, command: Command) => {
      const given = (name: keyof TrainCommandOptions): boolean => command.getOptionValueSource(name) === "cli";
      const overrides = overridesOf(options, given);
      const { placeOf } = await import("../../runtime/ranks/environment.js");
      const place = placeOf();
      if (options.ranks !== undefined) {
        const { startRanks } = await import("./trainOnRanks.js");
        return await startRanks({ model, options, given, place, ranks: options.ranks, argv: process.argv.slice(2) });
      }
      if (place !== undefined) {
        const { trainAsRank } = await import("./trainOnRanks.js");
        return await trainAsRank({ model, options, given, overrides, place });
      }
      const prepared = await prepareTraining(model, options, given, { say: note });
      const { train } = await import("../../runtime/train.js");
      const { Progress } = await import("../../runtime/progress.js");
      await finish(options, await train({ ...prepared.training(overrides), progress: await Progress.on() }));
    });
}

/** Prints what became of the run, and sets the exit code. */
export async function finish(options: TrainCommandOptions, outcome: Outcome): Promise<void> {
  const { summary } = await import("../../runtime/summary.js");
  print(options, summary(outcome), { ok: true, ...outcome });
  const { exitCodeOf } = await import("../../runtime/signals.js");
  if (outcome.signal) process.exitCode = exitCodeOf(outcome.signal);
}

/** Only what was said: the rest is the plan's, or the resumed run's. */
function overridesOf(options: TrainCommandOptions, given: (name: keyof TrainCommandOptions) => boolean): Overrides {
  const { steps, seed, accumulate, lrScale, evalEvery, checkpointEvery, data, validation } = options;
  const all = { steps, seed, accumulate, lrScale, evaluateEvery: evalEvery, checkpointEvery, data, validation };
  const said = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as Overrides;
  const switches = (["sample", "report", "tensorboard"] as const).filter(given);
  return { ...said, ...Object.fromEntries(switches.map((name) => [name, options[name] ?? true])) };
}
