/**
 * `npm run bench:torch`: whole training steps of examples/tiny, mlac against PyTorch (bench/torch/tiny.py), on as many threads.
 * Same weights, same batches; the losses and gradients are compared first. Rounds of a few steps of each follow in turn, and
 * a round in which other programs had the processor is not counted.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Built, build } from "../compiler/build.js";
import { fail, MlacError } from "../compiler/diagnostics.js";
import { root } from "../compiler/package.js";
import { report } from "../compiler/report.js";
import { type Comparison, describe, largest, type Round, summarize, type TorchFacts } from "./againstTorch.js";
import { machine, today, watched } from "./machine.js";
import { Side } from "./side.js";
import type { StepsFacts, StepsOptions } from "./steps.js";

const usage = `usage: npm run bench:torch -- [options]
  --threads N    default: one a processor
  --rounds N     rounds to count, of each side in turn (10)
  --steps N      steps a round (5)
  --quiet P      a round counts if other programs took at most P % of the processors (5)
  --patience M   minutes after which disturbed rounds are taken as they are (10)
  --python FILE  a Python with torch 1.13 or newer
  --set N=V      another size than model.ts's     --fuse N=C   as for mlac build
  --json         the result as JSON               --no-save    do not write bench/results/cpu-tiny-DATE.json
`;

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: String(availableParallelism()) },
    rounds: { type: "string", default: "10" },
    steps: { type: "string", default: "5" },
    quiet: { type: "string", default: "5" },
    patience: { type: "string", default: "10" },
    python: { type: "string" },
    set: { type: "string", multiple: true, default: [] },
    fuse: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
    "no-save": { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const batches = 8;
const warmup = 5;
/** PyTorch and mlac must do the same: nats, and norm of the difference of a gradient over its norm. */
const limits = { loss: 1e-4, gradient: 1e-3 };

const note = (text: string): void => void process.stderr.write(`${text}\n`);
const pairs = (given: readonly string[]): Record<string, string> =>
  Object.fromEntries(given.map((one) => one.split("=", 2) as [string, string]));

/** The first Python that has PyTorch. Errors: tool/missing. */
function findPython(): string {
  const candidates = values.python ? [values.python] : ["python3", "/usr/bin/python3"];
  for (const candidate of candidates)
    try {
      execFileSync(candidate, ["-c", "import torch, numpy"], { stdio: "ignore" });
      return candidate;
    } catch {
      // The next one may have it.
    }
  return fail("tool/missing", `no Python with torch and numpy is found: tried ${candidates.join(" and ")}`, {
    help: "install them (Debian, Ubuntu: apt-get install python3-torch libopenblas0; others: pip install torch numpy), or name a Python that has them with --python",
  });
}

/** How many layers the stack of model.ts has: the first dimension of its parameters. */
const layersOf = ({ manifest }: Built): number => manifest.parameters.find(({ stacked }) => stacked > 0)?.shape[0] ?? 0;

function lr(built: Built, group: string): { lr: number; weightDecay: number } {
  const found = Object.values(built.manifest.plan.optimizer).find((settings) => settings.group === group);
  return found ?? fail("run/plan", `examples/tiny has no parameters of the group ${group}`);
}

async function main(): Promise<void> {
  const python = findPython();
  const threads = Number(values.threads);
  const built = await build({
    model: join(root, "examples/tiny/model.ts"),
    target: "cpu",
    dtype: "f32",
    fuse: pairs(values.fuse),
    set: pairs(values.set),
    out: join(root, "dist/bench/tiny"),
    onProgress: note,
  });
  const exchange = mkdtempSync(join(tmpdir(), "mlac-torch-"));
  const sides: Side[] = [];
  try {
    const options: StepsOptions = { directory: built.directory, threads, exchange, batches };
    const ours = await Side.start<StepsFacts>("mlac", [process.execPath, join(import.meta.dirname, "steps.js"), JSON.stringify(options)]);
    sides.push(ours.side);
    const { plan, sizes } = built.manifest;
    const given = {
      sizes,
      layers: layersOf(built),
      threads,
      muon: lr(built, "weight"),
      adamw: lr(built, "embedding"),
      clip: plan.clip,
      weights: join(exchange, "weights.safetensors"),
      batches: join(exchange, "batches.safetensors"),
      serve: true,
    };
    const theirs = await Side.start<TorchFacts>("PyTorch", [python, join(root, "bench/torch/tiny.py"), JSON.stringify(given)]);
    sides.push(theirs.side);
    const compared = await compare(ours.facts, theirs.side, join(exchange, "gradients.safetensors"));
    const begun = machine();
    const rounds = await alternate(ours.side, theirs.side);
    const result = {
      date: new Date().toISOString(),
      command: `npm run bench:torch -- ${process.argv.slice(2).join(" ")}`.trim(),
      machine: begun,
      pytorch: theirs.facts,
      threads,
      model: { name: built.manifest.model, sizes, layers: given.layers, fuse: built.manifest.fuse },
      compared,
      ...summarize(rounds, Number(values.quiet) / 100, sizes, built.manifest.memory.total),
      rounds,
    };
    if (!values["no-save"]) save(result);
    process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : describe(result));
  } finally {
    for (const side of sides) side.close();
    rmSync(exchange, { recursive: true, force: true });
  }
}

/** Errors: run/other-model, when the two are not the same model. */
async function compare(ours: StepsFacts, torch: Side, gradients: string): Promise<Comparison> {
  const theirs = await torch.ask<{ loss: number; balance: number; gradients: Record<string, number> }>({ compare: gradients });
  const worst = largest(theirs.gradients);
  const difference = Math.max(Math.abs(ours.loss - theirs.loss), Math.abs(ours.balance - theirs.balance));
  if (!(difference <= limits.loss && worst.error <= limits.gradient))
    fail(
      "run/other-model",
      `mlac and PyTorch do not compute the same: losses differ by ${difference}, the gradient of ${worst.name} by ${worst.error}`,
      {
        help: "bench/torch/model.py must follow examples/tiny/model.ts",
      },
    );
  return { loss: ours.loss, torchLoss: theirs.loss, difference, gradient: worst };
}

/** Rounds of each side in turn, until enough were undisturbed or patience is at its end. */
async function alternate(ours: Side, theirs: Side): Promise<Round[]> {
  const [wanted, steps, quiet] = [Number(values.rounds), Number(values.steps), Number(values.quiet) / 100];
  const end = performance.now() + 60_000 * Number(values.patience);
  const rounds: Round[] = [];
  const counted = (): number => rounds.filter(({ others }) => others <= quiet).length;
  // The warm-up also holds the first steps' losses against each other: it is the same training, optimizer and all.
  const first = { mlac: await ours.steps(warmup), torch: await theirs.steps(warmup) };
  const apart = Math.max(...first.mlac.losses.map((loss, i) => Math.abs(loss - (first.torch.losses[i] ?? Number.NaN))));
  note(`after ${warmup} steps of each, the losses differ by ${apart.toExponential(1)} at most`);
  while (counted() < wanted && (rounds.length < wanted || performance.now() < end)) {
    const one = async (side: Side) => {
      await rest(); // threads that spin for work are asleep by then
      return watched(
        () => side.steps(steps),
        ({ cpuSeconds }) => cpuSeconds,
      );
    };
    const mlac = await one(ours);
    const torch = await one(theirs);
    const others = Math.max(mlac.others, torch.others);
    rounds.push({ mlac: mlac.result, torch: torch.result, others });
    note(`round ${rounds.length}: others took ${(100 * others).toFixed(0)} % of the processors${others <= quiet ? "" : ", not counted"}`);
    if (others > quiet) await rest(3000);
  }
  return rounds;
}

const rest = (ms = 300): Promise<void> => new Promise((settle) => setTimeout(settle, ms));

function save(result: object): void {
  const folder = join(root, "bench/results");
  const path = join(folder, `cpu-tiny-${today()}.json`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
  note(`written: ${path}`);
}

try {
  if (values.help) process.stdout.write(usage);
  else await main();
} catch (error) {
  if (!(error instanceof MlacError)) throw error;
  process.stderr.write(`${report(error.diagnostics)}\n`);
  process.exitCode = error.exitCode;
}
