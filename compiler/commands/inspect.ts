import type { Command } from "commander";
import { declare, decodeOptions, modelOptions, note, print } from "./command.js";
import { kernel, why } from "./inspectKernels.js";
import { inspectModel, type MeasuredOptions, measuredOption } from "./inspectOptions.js";
import { diff, memory, ops, passes } from "./inspectParts.js";

interface Options extends MeasuredOptions {
  html?: string | true;
}

export default function (program: Command): void {
  const summary = "show what a model is compiled to: its kernels and their costs, what was fused and why, its memory";
  const examples = [
    "mlac inspect model.ts",
    "mlac inspect model.ts --target cuda --html",
    "mlac inspect kernel fwd_03 model.ts",
    "mlac inspect why rmsnorm linear model.ts --target cuda",
    "mlac inspect passes --diff simplify model.ts",
  ];
  const inspect = measuredOption(decodeOptions(modelOptions(declare(program, "inspect", summary, examples))))
    .option("--html [file]", "write it all as one page that opens from the disk (default: <model>.<target>.html)")
    .helpCommand(false)
    .action(async (model: string, options: Options) => {
      const inspection = await inspectModel(model, options);
      if (options.html !== undefined) {
        const [{ inspectionPage }, { write }] = await Promise.all([import("../inspect/page/index.js"), import("../bench/store.js")]);
        const file = options.html === true ? `${inspection.model}.${inspection.target}.html` : options.html;
        const text = inspectionPage(inspection);
        await write(file, text);
        note("open it in a browser; it needs no network");
        print(options, file, { ok: true, file: model, html: file, bytes: Buffer.byteLength(text) });
        return;
      }
      const { showInspection } = await import("../inspect/show.js");
      print(options, showInspection(inspection, process.stdout.columns), { ok: true, file: model, ...inspection });
    });
  for (const add of [kernel, why, passes, memory, ops, diff]) add(inspect);
}
