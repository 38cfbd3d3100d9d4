import type { Command } from "commander";
import { declare, modelOptions, print } from "./command.js";
import { kernel, why } from "./inspectKernels.js";
import { inspectModel, type MeasuredOptions, measuredOption } from "./inspectOptions.js";
import { diff, memory, ops, passes } from "./inspectParts.js";

export default function (program: Command): void {
  const summary = "show what a model is compiled to: its kernels and their costs, what was fused and why, its memory";
  const examples = [
    "mlac inspect model.ts",
    "mlac inspect kernel fwd_03 model.ts",
    "mlac inspect why rmsnorm linear model.ts --target cuda",
    "mlac inspect passes --diff simplify model.ts",
  ];
  const inspect = measuredOption(modelOptions(declare(program, "inspect", summary, examples)))
    .helpCommand(false)
    .enablePositionalOptions()
    .action(async (model: string, options: MeasuredOptions) => {
      const inspection = await inspectModel(model, options);
      const { showInspection } = await import("../inspect/show.js");
      print(options, showInspection(inspection, process.stdout.columns), { ok: true, file: model, ...inspection });
    });
  for (const add of [kernel, why, passes, memory, ops, diff]) add(inspect);
}
