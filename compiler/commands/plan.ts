import type { Command } from "commander";
import { buildOptions, count, declare, decodeOptions, type ModelOptions, modelOptions, print, withMeasured } from "./command.js";
import { located } from "./located.js";

interface Options extends ModelOptions {
  threads?: number;
}

export default function (program: Command): void {
  const summary = "say how much memory a model's training takes, to the byte, before anything runs; or its text generation";
  const examples = [
    "mlac plan model.ts",
    "mlac plan model.ts --set B=16 --fuse recompute=layer",
    "mlac plan model.ts --decode --context 32768",
  ];
  decodeOptions(modelOptions(declare(program, "plan", summary, examples)))
    .option("--threads <n>", "count the scratch memory of so many threads (default: one a processor)", count(1))
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
      if (!generation) return print(options, describeMemory(manifest, options.threads, room), result);
      const { contextsThatFit, describeGenerationPlan, layerCaches } = await import("../generationPlan.js");
      const threads = options.threads ?? (await import("node:os")).availableParallelism();
      const contexts = room === undefined ? null : contextsThatFit(manifest, room, threads);
      print(options, describeGenerationPlan(manifest, threads, room), { ...result, generation, layers: layerCaches(generation), contexts });
    });
}
