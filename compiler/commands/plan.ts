import type { Command } from "commander";
import { buildOptions, count, declare, type ModelOptions, modelOptions, print, withMeasured } from "./command.js";
import { located } from "./located.js";

export default function (program: Command): void {
  const summary = "say how much memory a model's training takes, to the byte, before anything runs";
  modelOptions(declare(program, "plan", summary, ["mlac plan model.ts", "mlac plan model.ts --set B=16 --fuse recompute=layer"]))
    .option("--threads <n>", "count the scratch memory of so many threads (default: one a processor)", count(1))
    .action(async (model: string, options: ModelOptions & { threads?: number }) => {
      const { plan } = await import("../build.js");
      const { describeMemory, fits, roomFor, totalBytes } = await import("../memory.js");
      const manifest = await located(model, async () => plan(await withMeasured(buildOptions(model, options))));
      const { memory, target } = manifest;
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
      print(options, describeMemory(manifest, options.threads, room), result);
    });
}
