/** What the commands share: how one is declared, the options that say what to build, how a result is printed. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { BuildOptions, Built } from "../build.js";
import { type Chosen, targetToBuild } from "../chooseTarget.js";
import { type Generation, mlaWays } from "../generation.js";
import { type AskedTarget, type Real, realNames, targetNames } from "../target.js";
import { located } from "./located.js";

export interface CommonOptions {
  json?: true;
}

/** Adds a command with `--json` and an example at the end of its help. */
export function declare(program: Command, name: string, summary: string, examples: readonly string[]): Command {
  const heading = examples.length === 1 ? "Example:" : "Examples:";
  return program
    .command(name)
    .description(summary)
    .option("--json", "print the result, or what is wrong, as one JSON document")
    .addHelpText("after", `\n${heading}\n${examples.map((example) => `  ${example}`).join("\n")}`);
}

/** The options of everything that compiles a model. */
export interface ModelOptions extends CommonOptions {
  set?: Record<string, string>;
  fuse?: Record<string, string>;
  dtype?: Real;
  target: AskedTarget;
  arch?: string;
  out?: string;
  decode?: true;
  context?: number;
  rows?: number;
  mla?: Generation["mla"];
}

export function modelOptions(command: Command): Command {
  return buildChoices(command.argument("[model]", "the model's file", "model.ts"));
}

/** The options of modelOptions, for a command with an argument of its own. */
export function buildChoices(command: Command): Command {
  return command
    .option("--set <NAME=VALUE>", "replace a constant or a size of the model (may be repeated)", pair)
    .option("--fuse <name=choice>", "choose how something is computed (may be repeated)", pair)
    .addOption(
      new Option("--dtype <type>", "the numbers to compute with (default: f32 on cpu; bf16 on cuda, and no other)").choices(realNames),
    )
    .addOption(targetOption().default("auto"))
    .option("--arch <arch>", "the GPU to build for, such as sm_80 (default: MLAC_ARCH, this machine's, or sm_90a)")
    .option("--out <folder>", "where the generated code and the library go (default: generated/<model>/<target>)");
}

/** For a command that looks at, or makes, either build: the one that trains, or the one that generates. */
export function decodeOptions(command: Command): Command {
  return command
    .option("--decode", "the build that generates text, in place of the one that trains")
    .option("--context <n>", "with --decode: tokens of a request (default: the model's T)", count(1))
    .option("--rows <n>", "with --decode: requests that are decoded together (default: 8)", count(1))
    .addOption(new Option("--mla <way>", "with --decode: attention over the latent, or over keys and values").choices(mlaWays));
}

export const targetOption = (): Option =>
  new Option("--target <target>", "what to compile for; auto: an NVIDIA GPU if there is one, and nvcc").choices(targetNames);

/** For what compiles and does not compute. Errors: use/dtype, use/arch. */
export function buildOptions(model: string, options: ModelOptions): BuildOptions {
  return withTarget(model, options, targetToBuild(options));
}

export function withTarget(model: string, options: Omit<ModelOptions, "target">, { target, dtype }: Chosen): BuildOptions {
  const { set = {}, fuse = {}, arch, out, decode, context, rows, mla } = options;
  const generate = { ...(mla ? { mla } : {}), ...(context ? { context } : {}), ...(rows ? { rows, slots: rows } : {}) };
  return {
    model,
    set,
    fuse,
    dtype,
    target,
    ...(arch === undefined || target === "cpu" ? {} : { arch }),
    ...(out === undefined ? {} : { out }),
    ...(decode ? { generate } : {}),
  };
}

/**
 * Says that it is the CPU that computes, if a GPU was looked for; gives the choices that the target has. Those that only the
 * other one has were meant for it.
 */
export async function explain(
  { target, why }: Chosen,
  fuse: Record<string, string>,
  say: (text: string) => void = note,
): Promise<Record<string, string>> {
  if (why === undefined) return fuse;
  const { choicesKnown } = await import("../choices.js");
  const { here, elsewhere } = choicesKnown(fuse, target);
  const left = Object.entries(elsewhere).map(([name, value]) => `${name}=${value}`);
  say(`${why}: taking the CPU target${left.length > 0 ? `, which has no ${left.join(", ")}` : ""}`);
  return here;
}

/** With what `mlac bench` measured on this machine, which `auto` goes by. */
export async function withMeasured(options: BuildOptions): Promise<BuildOptions> {
  const { measuredFor } = await import("../measured.js");
  const measured = await measuredFor(options);
  return measured === undefined ? options : { ...options, measured };
}

/** Results go to standard output, and nothing else does. */
export function print(options: CommonOptions, text: string, result: unknown): void {
  process.stdout.write(options.json ? `${JSON.stringify(result, undefined, 2)}\n` : `${text}\n`);
}

/** For people who are watching: standard error. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/**
 * Builds, or finds the build that is there already. On a terminal the one line that says how far it is goes away at the end.
 * `quiet`: says nothing.
 */
export async function buildModel(options: BuildOptions, { quiet = false } = {}): Promise<Built> {
  const { build } = await import("../build.js");
  if (quiet) return await located(options.model, () => build(options));
  const { columns = 0 } = process.stderr;
  // Some terminals do not know their width; to them a line that is too long cannot be wiped.
  const live = process.stderr.isTTY && columns > 0;
  const wipe = "\r\u001b[2K";
  const onNote = (text: string): void => note(live ? wipe + text : text);
  let shown = Number.NEGATIVE_INFINITY;
  const onProgress = (text: string): void => {
    if (live) process.stderr.write(wipe + text.slice(0, columns - 1));
    else if (performance.now() - shown > 2000) {
      shown = performance.now();
      note(text);
    }
  };
  try {
    return await located(options.model, () => build({ ...options, onProgress, onNote }));
  } finally {
    if (live) process.stderr.write(wipe);
  }
}

/** "NAME=VALUE", added to those before. */
export function pair(text: string, previous: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf("=");
  if (at < 1 || at === text.length - 1) throw new InvalidArgumentError("Write it as NAME=VALUE.");
  return { ...previous, [text.slice(0, at).trim()]: text.slice(at + 1).trim() };
}

/** A whole number of at least `least`. */
export function count(least: number): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text.replaceAll("_", ""));
    if (!Number.isSafeInteger(value) || value < least) throw new InvalidArgumentError(`Write a whole number of at least ${least}.`);
    return value;
  };
}

/** A number from `least` to `most`. */
export function between(least: number, most = Number.POSITIVE_INFINITY): (text: string) => number {
  return (text) => {
    const value = text.trim() === "" ? Number.NaN : Number(text);
    if (!(value >= least && value <= most))
      throw new InvalidArgumentError(
        most === Number.POSITIVE_INFINITY ? `Write a number of at least ${least}.` : `Write a number from ${least} to ${most}.`,
      );
    return value;
  };
}
