/** What the commands of `mlac inspect` share. */
import type { Command } from "commander";
import type { Inspection } from "../inspect/inspection.js";
import { buildOptions, type ModelOptions, withMeasured } from "./command.js";
import { located } from "./located.js";

export interface MeasuredOptions extends ModelOptions {
  measured?: string;
}

export const measuredOption = (command: Command): Command =>
  command.option(
    "--measured <file>",
    "times of the kernels: bench.json of `mlac bench`, or bench-kernels.json of `mlac bench --kernels` (default: this model's bench.json)",
  );

/** The inspection that the options ask for; places in errors are named from the current folder. */
export async function inspectModel(model: string, options: MeasuredOptions): Promise<Inspection> {
  const { inspect } = await import("../inspect/index.js");
  const times = options.measured === undefined ? {} : { times: options.measured };
  return located(model, async () => inspect({ ...(await withMeasured(buildOptions(model, options))), ...times }));
}
