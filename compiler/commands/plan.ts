import type { Command } from "commander";
import { between, buildOptions, count, declare, type ModelOptions, modelOptions, print, withMeasured } from "./command.js";
import { located } from "./located.js";

interface PlanOptions extends ModelOptions {
  threads?: number;
  ranks?: number;
  bandwidth?: number;
  microStep?: number;
}

export default function (program: Command): void {
  const summary = "say how much memory a model's training takes, to the byte, before anything runs";
  modelOptions(
    declare(program, "plan", summary, [
      "mlac plan model.ts",
      "mlac plan model.ts --set B=16 --fuse recompute=layer",
      "mlac plan model.ts -n 8 --bandwidth 350",
    ]),
  )
    .option("--threads <n>", "count the scratch memory of so many threads (default: one a processor)", count(1))
    .option(
      "-n, --ranks <n>",
      "of so many processes or GPUs that train together: memory and work of each, and how training scales",
      count(1),
    )
    .option("--bandwidth <GB/s>", "what each gives to others in a second (default: 350 up to 8 ranks, 45 beyond)", between(1e-3))
    .option("--micro-step <ms>", "the measured time of a micro-step (default: the least that its kernels take)", between(1e-6))
    .action(async (model: string, options: PlanOptions) => {
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
      if (options.ranks === undefined) return print(options, describeMemory(manifest, options.threads, room), result);
      const { describeRanks, ranksReport } = await import("../ranks/describe.js");
      const ranks = ranksReport(manifest, options.ranks, {
        ...(options.bandwidth === undefined ? {} : { bandwidth: options.bandwidth * 1e9 }),
        ...(options.microStep === undefined ? {} : { microStep: options.microStep / 1e3 }),
      });
      print(options, `${describeMemory(manifest, options.threads, room)}\n\n${describeRanks(manifest, ranks)}`, { ...result, ranks });
    });
}
