import type { Command } from "commander";
import type { Manifest } from "../manifest.js";
import { between, buildOptions, count, declare, decodeOptions, type ModelOptions, modelOptions, print, withMeasured } from "./command.js";
import { located } from "./located.js";

interface Options extends ModelOptions {
  threads?: number;
  ranks?: number;
  bandwidth?: number;
  microStep?: number;
}

export default function (program: Command): void {
  const summary = "say how much memory a model's training takes, to the byte, before anything runs; or its text generation";
  const examples = [
    "mlac plan model.ts",
    "mlac plan model.ts --set B=16 --fuse recompute=layer",
    "mlac plan model.ts -n 8 --bandwidth 350",
    "mlac plan model.ts --decode --context 32768",
  ];
  decodeOptions(modelOptions(declare(program, "plan", summary, examples)))
    .option("--threads <n>", "count the scratch memory of so many threads (default: one a processor)", count(1))
    .option(
      "-n, --ranks <n>",
      "of so many processes or GPUs that train together: memory and work of each, and how training scales",
      count(1),
    )
    .option(
      "--bandwidth <GB/s>",
      "what each gives to others in a second (default: GPUs 350 up to 8 ranks, 45 beyond; processors 10 and 1.2)",
      between(1e-3),
    )
    .option("--micro-step <ms>", "the measured time of a micro-step (default: the least that its kernels take)", between(1e-6))
    .action(async (model: string, options: Options) => {
      const { plan } = await import("../build.js");
      const { describeMemory, fits, roomFor, totalBytes } = await import("../memory.js");
      const manifest = await located(model, async () => plan(await withMeasured(buildOptions(model, options))));
      const { memory, target, generation } = manifest;
      const room = await roomFor(target);
      const result = {
        ok: true,
        model,
        target,
        // null: it is a GPU's memory that counts, and there is none here.
        fits: room === undefined ? null : fits(memory, options.threads, room),
        total: totalBytes(memory, options.threads),
        memory,
      };
      if (!generation && options.ranks === undefined) return print(options, describeMemory(manifest, options.threads, room), result);
      if (!generation) return printRanks(options, manifest, describeMemory(manifest, options.threads, room), result);
      const { contextsThatFit, describeGenerationPlan, layerCaches } = await import("../generationPlan.js");
      const threads = options.threads ?? (await import("node:os")).availableParallelism();
      const contexts = room === undefined ? null : contextsThatFit(manifest, room, threads);
      print(options, describeGenerationPlan(manifest, threads, room), { ...result, generation, layers: layerCaches(generation), contexts });
    });
}

/** What each of several ranks takes and sends. */
async function printRanks(options: Options, manifest: Manifest, memory: string, result: object): Promise<void> {
  const { describeRanks, ranksReport } = await import("../ranks/describe.js");
  const ranks = ranksReport(manifest, options.ranks ?? 1, {
    ...(options.bandwidth === undefined ? {} : { bandwidth: options.bandwidth * 1e9 }),
    ...(options.microStep === undefined ? {} : { microStep: options.microStep / 1e3 }),
  });
  print(options, `${memory}\n\n${describeRanks(manifest, ranks)}`, { ...result, ranks });
}
