import type { Command } from "commander";
import { type CommonOptions, declare, note, print } from "./command.js";

interface Options extends CommonOptions {
  out?: string;
}

export default function (program: Command): void {
  const examples = ["mlac report runs/tiny-2026-11-23-190512", "mlac report --out tiny.html"];
  declare(program, "report", "make the report of a training run again, from what its folder holds", examples)
    .argument("[run]", "the run's folder (default: the newest run)")
    .option("--out <file>", "where to (default: report.html in the run's folder)")
    .action(async (run: string | undefined, options: Options) => {
      const runs = await import("../../runtime/runs.js");
      const { writeReport } = await import("../../runtime/report/write.js");
      const written = await writeReport(run ?? runs.newestRun() ?? runs.noRun(), options.out);
      if (written.steps === 0) note("no step could be read of metrics.jsonl: the report shows none");
      print(options, written.path, { ok: true, ...written });
    });
}
