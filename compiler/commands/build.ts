import { relative } from "node:path";
import { type Command, Option } from "commander";
import { buildModel, buildOptions, declare, decodeOptions, type ModelOptions, modelOptions, print, withMeasured } from "./command.js";
import { located } from "./located.js";

interface Options extends ModelOptions {
  emit?: "graph" | "kernels" | "plan";
}

export default function (program: Command): void {
  const summary = "compile a model: writes readable C++ and makes a library of it";
  const examples = [
    "mlac build model.ts",
    "mlac build model.ts --fuse crossEntropy=chunk:512 --set T=256",
    "mlac build model.ts --emit graph | less",
    "mlac build model.ts --decode --context 4096",
  ];
  decodeOptions(modelOptions(declare(program, "build", summary, examples)))
    .addOption(new Option("--emit <stage>", "print a stage of the compiler instead of building").choices(["graph", "kernels", "plan"]))
    .action(async (model: string, options: Options) => {
      const asked = await withMeasured(buildOptions(model, options));
      if (options.emit !== undefined) {
        const { emit } = await import("../build.js");
        const { emit: stage } = options;
        const text = await located(model, () => emit(asked, stage));
        print(options, text.trimEnd(), { ok: true, model, stage, text });
        return;
      }
      const started = performance.now();
      const built = await buildModel(asked);
      const seconds = ((performance.now() - started) / 1000).toFixed(1);
      const place = relative(process.cwd(), built.directory) || ".";
      const text = built.upToDate ? `${place} is up to date` : `built ${place} in ${seconds} s`;
      print(options, text, { ok: true, model, directory: built.directory, library: built.library, upToDate: built.upToDate });
    });
}
