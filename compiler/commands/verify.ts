import type { Command } from "commander";
import type { Verdict } from "../verifyModel/kernels.js";
import type { StepLine } from "../verifyModel/step.js";
import { buildModel, type CommonOptions, count, declare, note, pair, print } from "./command.js";
import { located } from "./located.js";

interface Options extends CommonOptions {
  set?: Record<string, string>;
  fuse?: Record<string, string>;
  arch?: string;
  out?: string;
  full?: true;
  seed?: number;
  threads?: number;
  only?: string;
}

export default function (program: Command): void {
  const summary = "check a model's CUDA kernels, and a whole step, on this machine's GPU against the CPU target";
  const examples = ["mlac verify model.ts", "mlac verify model.ts --fuse mla=rebuild --seed 7", "mlac verify model.ts --only attention"];
  declare(program, "verify", summary, examples)
    .argument("[model]", "the model's file", "model.ts")
    .option("--set <NAME=VALUE>", "replace a constant or a size of the model (may be repeated)", pair)
    .option("--fuse <name=choice>", "choose how something is computed (may be repeated)", pair)
    .option("--arch <arch>", "the architecture to build for (default: MLAC_ARCH, or the GPU's own)")
    .option("--out <folder>", "where the builds go (default: generated/<model>/verify)")
    .option("--full", "the model's own batch and length, which takes the CPU long (default: a few hundred tokens)")
    .option("--seed <n>", "draws the inputs again that it stands for (default: a new one each time)", count(0))
    .option("--only <text>", "only kernels with this in their name, and no whole step")
    .option("--threads <n>", "threads of the CPU target (default: one a processor)", count(1))
    .action(async (model: string, options: Options) => {
      const { verifyModel } = await import("../verifyModel/index.js");
      const { set = {}, fuse = {}, arch, out, only } = options;
      // What is trained is verified, at whatever sizes.
      const { measuredFor } = await import("../measured.js");
      const { sizes: _, ...measured } = (await measuredFor({ model, target: "cuda", dtype: "bf16", ...(arch ? { arch } : {}) })) ?? {};
      const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
      const say = (text: string): void => void (options.json || process.stdout.write(`${text}\n`));
      const live = process.stderr.isTTY;
      const result = await located(model, () =>
        verifyModel({
          build: {
            model,
            target: "cuda",
            dtype: "bf16",
            set,
            fuse,
            ...("fuse" in measured ? { measured } : {}),
            ...(arch === undefined ? {} : { arch }),
            ...(out === undefined ? {} : { out }),
          },
          seed,
          full: options.full ?? false,
          threads: options.threads ?? 0,
          ...(only === undefined ? {} : { only }),
          make: buildModel,
          onProgress: (text) => void (live && process.stderr.write(`\r\u001b[2K${text}`)),
          onStart: (sizes) => {
            const smaller = Object.entries(sizes).map(([name, value]) => `${name}=${value}`);
            say(`seed ${seed}${smaller.length > 0 ? `; with ${smaller.join(" ")} (--full takes the model's own)` : ""}`);
          },
          onVerdict: (verdict) => {
            if (live) process.stderr.write("\r\u001b[2K");
            say(kernelLine(verdict));
          },
          onStep: (line) => say(stepLine(line)),
        }),
      );
      const wrong = [
        ...result.kernels.filter(({ ok }) => !ok).map(({ name }) => name),
        ...result.step.filter(({ ok }) => !ok).map(({ what }) => what),
      ];
      const ok = wrong.length === 0;
      print(options, ending(result, wrong), { ok, model, seed, ...result });
      if (ok) return;
      process.exitCode = 1;
      note(
        `This is mlac's fault, not your model's, or the GPU's. Please report the lines above, the model, and what \`mlac doctor\` says. \`mlac verify ${model} --seed ${seed}\` makes them again.`,
      );
    });
}

function kernelLine({ name, ops, error, limit, worst, ok, why, output, ways, way }: Verdict): string {
  const said = why ?? `error ${figure(error)} of ${figure(limit)}${ok ? "" : ` in ${output} (${way}), one element ${figure(worst)}`}`;
  const several = ways.length > 1 ? `; ${ways.length} ways` : "";
  return `${ok ? "ok   " : "WRONG"}  ${name.padEnd(36)}  ${said.padEnd(26)}  ${ops.join(", ")}${several}`;
}

const stepLine = ({ what, error, limit, ok, note }: StepLine): string =>
  `${ok ? "ok   " : "WRONG"}  ${what.padEnd(36)}  ${`error ${figure(error)} of ${figure(limit)}`.padEnd(26)}  ${note}`;

const figure = (x: number): string => (x === 0 ? "0" : x.toExponential(1));

function ending({ device, kernels, step }: { device: string; kernels: Verdict[]; step: StepLine[] }, wrong: readonly string[]): string {
  const done = `${kernels.length} kernels${step.length > 0 ? " and a whole step" : ""}`;
  if (wrong.length === 0) return `${done} on ${device} agree with the CPU target`;
  return `${wrong.length} of ${done} on ${device} do not agree with the CPU target: ${wrong.join(", ")}`;
}
