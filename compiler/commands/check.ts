import type { Command } from "commander";
import { buildOptions, declare, type ModelOptions, modelOptions, print, withMeasured } from "./command.js";
import { located } from "./located.js";

export default function (program: Command): void {
  const summary = "read a model and say what is wrong with it, without building it";
  modelOptions(declare(program, "check", summary, ["mlac check model.ts", "mlac check model.ts --set H=12"])).action(
    async (model: string, options: ModelOptions) => {
      const { check } = await import("../build.js");
      await located(model, async () => check(await withMeasured(buildOptions(model, options))));
      print(options, `${model} is fine`, { ok: true, model });
    },
  );
}
