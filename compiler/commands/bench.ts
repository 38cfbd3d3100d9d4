import { type Command, Option } from "commander";
import type { AskedTarget, Real } from "../target.js";
import { realNames } from "../target.js";
import {
  between,
  buildModel,
  type CommonOptions,
  count,
  declare,
  explain,
  note,
  pair,
  print,
  targetOption,
  withMeasured,
  withTarget,
} from "./command.js";
import { located } from "./located.js";

interface Options extends CommonOptions {
  set?: Record<string, string>;
  fuse?: Record<string, string>;
  dtype?: Real;
  target: AskedTarget;
  out?: string;
  only?: string;
  kernels?: true;
  against?: "torch";
  python?: string;
  scaling?: string[];
  claims?: true;
  rounds: number;
  quiet: number;
  passes: number;
  minutes?: number;
  threads?: number;
  error: boolean;
  keep: boolean;
  anew?: true;
}

export default function (program: Command): void {
  const summary = "measure a model on this machine: each fusion choice, each kernel; the fastest choices are kept for auto";
  const examples = [
    "mlac bench model.ts",
    "mlac bench model.ts --only norm,muon --rounds 20",
    "mlac bench model.ts --scaling B=1,2,4,8 --scaling T=128,256,512",
    "mlac bench model.ts --against torch",
    "mlac bench model.ts --claims",
  ];
  declare(program, "bench", summary, examples)
    .argument("[model]", "the model's file", "model.ts")
    .option("--only <names>", "only these fusion names, with commas between")
    .option("--kernels", "only the kernels of the build as it is, against what the machine can do")
    .addOption(new Option("--against <peer>", "only the same model elsewhere, step by step in turn").choices(["torch"]))
    .option(
      "--scaling <NAME=VALUES>",
      "only how time and memory grow with a size: B=1,2,4,8 (may be repeated)",
      (text: string, before: string[] = []) => [...before, text],
    )
    .option("--claims", "only what the design rests on, as numbers of this model")
    .option("--set <NAME=VALUE>", "replace a constant or a size of the model (may be repeated)", pair)
    .option("--fuse <name=choice>", "choose how something is computed, and do not vary it (may be repeated)", pair)
    .addOption(new Option("--dtype <type>", "the numbers to compute with (default: f32 on cpu; bf16 on cuda)").choices(realNames))
    .addOption(targetOption().default("auto"))
    .option("--rounds <n>", "rounds that count, after two steps that do not", count(3), 10)
    .option("--quiet <percent>", "a round counts if other programs had at most so much of the processors", between(0, 100), 10)
    .option("--passes <n>", "how often all is measured around a better combination", count(1), 2)
    .option("--minutes <m>", "begin nothing further after so many minutes; the same command then goes on where it ended", between(0))
    .option("--threads <n>", "threads of the CPU target (default: one a processor)", count(1))
    .option("--python <file>", "the Python of --against torch (default: the first python3 that has it)")
    .option("--no-error", "no errors against float64")
    .option("--no-keep", "leave what auto stands for as it is")
    .option("--anew", "measure again what was measured before")
    .option(
      "--out <folder>",
      "another place for bench.json and bench.html, or bench-torch.json and so on (they are in generated/<model>/bench) (default: generated/<model>/bench)",
    )
    .action(async (model: string, options: Options) => {
      const { choiceNamed } = await import("../choices.js");
      const given = (options.only ?? "").split(",").map((name) => name.trim());
      const only = given.filter((name) => name !== "").map((name) => choiceNamed(name));
      const { parseGrowth } = await import("../bench/scaling.js");
      const growth = (options.scaling ?? []).map(parseGrowth);
      const { targetToRun } = await import("../chooseTarget.js");
      const { target, dtype, out, set, fuse } = options;
      const chosen = await targetToRun({ target, ...(dtype ? { dtype } : {}) });
      // Where only numbers are counted, the target that was asked for can be another machine's.
      const counted =
        options.claims && target !== "auto"
          ? { target, dtype: dtype ?? (target === "cuda" ? ("bf16" as const) : ("f32" as const)) }
          : chosen;
      const kept = counted === chosen ? await explain(chosen, fuse ?? {}) : (fuse ?? {});
      const build = await withMeasured(withTarget(model, { set: set ?? {}, fuse: kept }, counted));
      const special = options.kernels === true || options.against !== undefined || growth.length > 0 || options.claims === true;
      const choices = !special || options.only !== undefined;
      const { bench } = await import("../bench/index.js");
      const { result, files } = await located(model, () =>
        bench({
          build,
          parts: {
            choices,
            kernels: choices || options.kernels === true,
            torch: options.against === "torch",
            claims: options.claims === true,
          },
          growth,
          only,
          passes: options.passes,
          errors: options.error,
          keep: options.keep,
          cudaToo: chosen.target === "cpu" && target !== "cpu",
          threads: options.threads ?? 0,
          rounds: options.rounds,
          quiet: options.quiet / 100,
          ...(options.minutes === undefined ? {} : { minutes: options.minutes }),
          anew: options.anew ?? false,
          make: buildModel,
          note,
          ...(options.python === undefined ? {} : { python: options.python }),
          ...(out === undefined ? {} : { out }),
        }),
      );
      const { describe } = await import("../bench/tables.js");
      const { colors } = await import("../report.js");
      const paint = colors(options.json || !process.stdout.isTTY ? false : undefined);
      print(options, options.json ? "" : describe(result, paint), { ok: true, files, ...result });
      note(`written: ${files.join(", ")}`);
    });
}
