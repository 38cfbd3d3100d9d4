import type { Command } from "commander";
import { buildChoices, declare, decodeOptions, type ModelOptions, print } from "./command.js";
import { inspectModel, type MeasuredOptions, measuredOption } from "./inspectOptions.js";

const modelArgument = ["[model]", "the model's file", "model.ts"] as const;

export function kernel(inspect: Command): void {
  const examples = ["mlac inspect kernel fwd_03 model.ts", "mlac inspect kernel attentionGrad model.ts --target cuda | less -R"];
  const command = declare(inspect, "kernel", "print the file of one kernel", examples)
    .argument("<name>", "its name, or a beginning or a part that no other has")
    .argument(...modelArgument);
  measuredOption(decodeOptions(buildChoices(command))).action(async (name: string, model: string, options: MeasuredOptions) => {
    const inspection = await inspectModel(model, options);
    const [{ findKernel }, { showKernel }, { outColors }] = await Promise.all([
      import("../inspect/find.js"),
      import("../inspect/showParts.js"),
      import("../report.js"),
    ]);
    const found = findKernel(name, inspection.kernels);
    print(options, showKernel(found, outColors()), { ok: true, model, kernel: found });
  });
}

export function why(inspect: Command): void {
  const examples = [
    "mlac inspect why rmsnorm attention model.ts",
    "mlac inspect why attn.q attn.k model.ts --target cuda",
    "mlac inspect why swiglu@31 moe.down model.ts",
  ];
  const command = declare(inspect, "why", "say why two ops are one kernel, or why not, and what the other way would cost", examples)
    .argument(
      "<a>",
      "an op: its kind, its result's name, a parameter it reads, a line, a kernel, or @number; with @line behind it, the one there",
    )
    .argument("<b>", "the other one")
    .argument(...modelArgument);
  decodeOptions(buildChoices(command)).action(async (a: string, b: string, model: string, options: ModelOptions) => {
    const inspection = await inspectModel(model, options);
    const [{ why }, { showWhy }, { outColors }] = await Promise.all([
      import("../inspect/why.js"),
      import("../inspect/showParts.js"),
      import("../report.js"),
    ]);
    const answers = why(a, b, inspection);
    print(options, showWhy(answers, outColors()), { ok: true, model, answers });
  });
}
