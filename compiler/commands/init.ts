import type { Command } from "commander";
import { type CommonOptions, declare, print } from "./command.js";

export default function (program: Command): void {
  declare(program, "init", "start a model: writes a small one to change, and what an editor needs to check it", ["mlac init my-model"])
    .argument("[folder]", "where; it is made if it is not there", ".")
    .action(async (folder: string, options: CommonOptions) => {
      const { start } = await import("../starter.js");
      const { written, kept } = start(folder);
      const into = folder === "." ? "" : `cd ${folder} && `;
      const lines = [...written.map((file) => `wrote  ${file}`), ...kept.map((file) => `kept   ${file}, which was there`)];
      print(options, [...lines, "", `next:  ${into}mlac train model.ts`].join("\n"), { ok: true, folder, written, kept });
    });
}
