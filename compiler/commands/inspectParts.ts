import { type Command, Option } from "commander";
import { fail } from "../diagnostics.js";
import { buildChoices, buildOptions, declare, decodeOptions, type ModelOptions, modelOptions, print, withMeasured } from "./command.js";
import { inspectModel } from "./inspectOptions.js";
import { located } from "./located.js";

const programs = ["train", "evaluate", "predict", "prefill", "decode"] as const;

interface ProgramOptions extends ModelOptions {
  program?: (typeof programs)[number];
}

const programOption = (): Option =>
  new Option("--program <name>", "whose (default: train; with --decode, decode); prefill and decode go with --decode").choices(programs);

/** Errors: use/program, where the build has no such program. */
function programOf({ program, decode }: ProgramOptions): (typeof programs)[number] {
  const there = decode ? programs.slice(3) : programs.slice(0, 3);
  const asked = program ?? (decode ? "decode" : "train");
  if (there.includes(asked)) return asked;
  return fail("use/program", `the build that ${decode ? "generates" : "trains"} has no program ${asked}`, {
    help: `it has ${there.join(", ")}; ${decode ? "leave out" : "take"} --decode for the other build`,
  });
}

export function passes(inspect: Command): void {
  const examples = ["mlac inspect passes model.ts | less", "mlac inspect passes --diff differentiate model.ts"];
  decodeOptions(modelOptions(declare(inspect, "passes", "print the graph after each pass, or what one pass changes", examples)))
    .option("--diff <pass>", "the graph before and after a pass, as a diff")
    .addOption(programOption())
    .action(async (model: string, options: ProgramOptions & { diff?: string }) => {
      const [{ opCount, passDiffs, stagesOf }, { paintDiff }, { outColors }] = await Promise.all([
        import("../inspect/passes.js"),
        import("../inspect/showParts.js"),
        import("../report.js"),
      ]);
      const { plain } = await import("../plain.js");
      const stages = await located(model, async () => stagesOf(await withMeasured(buildOptions(model, options)), programOf(options)));
      const paint = outColors();
      if (options.diff === undefined) {
        const text = stages.map(
          ({ program, pass, text }) => `${paint.bold(`// ${program}, after ${pass}: ${opCount(text)} ops`)}\n${plain(text)}`,
        );
        print(options, text.join("\n").trimEnd(), { ok: true, model, stages });
        return;
      }
      const diffs = passDiffs(stages, options.diff);
      const text = diffs.map(({ pass, number, diff }) => {
        const which = diffs.length > 1 ? `${pass}, the ${ordinal(number)} time` : pass;
        return `${paint.bold(which)}\n${diff === "" ? "changes nothing" : paintDiff(diff, paint)}`;
      });
      print(options, text.join("\n\n"), { ok: true, model, program: programOf(options), diffs });
    });
}

const ordinal = (n: number): string => ["first", "second", "third", "fourth", "fifth"][n - 1] ?? `${n}th`;

export function memory(inspect: Command): void {
  const examples = ["mlac inspect memory model.ts", "mlac inspect memory model.ts --target cuda --fuse recompute=layer"];
  decodeOptions(modelOptions(declare(inspect, "memory", "show the memory over a step, by kind and by line", examples)))
    .addOption(programOption())
    .action(async (model: string, options: ProgramOptions) => {
      const inspection = await inspectModel(model, options);
      const [{ showMemory }, { outColors }] = await Promise.all([import("../inspect/showParts.js"), import("../report.js")]);
      const { target, memory, programs: all } = inspection;
      print(options, showMemory(inspection, programOf(options), outColors(), process.stdout.columns), {
        ok: true,
        model,
        target,
        memory,
        programs: all,
      });
    });
}

export function ops(inspect: Command): void {
  declare(inspect, "ops", "list the ops there are: form, FLOPs, gradient, definition", ["mlac inspect ops"]).action(
    async (options: { json?: true }) => {
      const [{ opTable }, { showOps }] = await Promise.all([import("../inspect/opTable.js"), import("../inspect/showParts.js")]);
      const rows = opTable();
      print(options, showOps(rows, process.stdout.columns), { ok: true, ops: rows });
    },
  );
}

export function diff(inspect: Command): void {
  const examples = ["mlac inspect diff HEAD~1 model.ts", "mlac inspect diff main model.ts --full --target cuda"];
  const command = declare(inspect, "diff", "name the kernels that are others than at a git ref of the model", examples)
    .argument("<ref>", "a commit, a branch or a tag")
    .argument("[model]", "the model's file", "model.ts");
  buildChoices(command)
    .option("--full", "print what changed in each of them")
    .action(async (ref: string, model: string, options: ModelOptions & { full?: true }) => {
      const [{ diffAtRef }, { showDiff }, { outColors }] = await Promise.all([
        import("../inspect/atRef.js"),
        import("../inspect/showParts.js"),
        import("../report.js"),
      ]);
      const found = await located(model, async () => diffAtRef(await withMeasured(buildOptions(model, options)), ref));
      print(options, showDiff(found, ref, options.full ?? false, outColors()), { ok: true, model, ref, ...found });
    });
}
