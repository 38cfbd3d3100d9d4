import type { Command } from "commander";
import { type CommonOptions, declare, print } from "./command.js";

export default function (program: Command): void {
  declare(program, "doctor", "look at this machine: what mlac needs, what is there, what to install", ["mlac doctor"]).action(
    async (options: CommonOptions) => {
      const { examine } = await import("../doctor.js");
      const { colors } = await import("../report.js");
      const checks = await examine();
      const paint = colors(options.json ? false : process.stdout.isTTY ? undefined : false);
      const mark = { ok: paint.green("ok     "), missing: paint.red("missing"), absent: paint.dim("–      ") };
      const width = Math.max(...checks.map((check) => check.name.length));
      const lines = checks.flatMap((check) => [
        `${mark[check.state]}  ${check.name.padEnd(width)}  ${check.found}`,
        ...(check.remedy === undefined ? [] : [`${" ".repeat(11 + width)}${paint.cyan("→")} ${check.remedy}`]),
      ]);
      const ok = checks.every((check) => check.state !== "missing");
      print(options, lines.join("\n"), { ok, checks });
      if (!ok) process.exitCode = 2;
    },
  );
}
