/**
 * `npm run bench:torch`: whole training steps of examples/tiny, mlac against PyTorch (bench/torch/tiny.py), on as many threads.
 * Same weights, same batches; the losses and gradients are compared first. Rounds of a few steps of each follow in turn, and
 * a round in which other programs had the processor is not counted.
 */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machine, today } from "../compiler/bench/machine.js";
import { build } from "../compiler/build.js";
import { fail, MlacError } from "../compiler/diagnostics.js";
import { root } from "../compiler/package.js";
import { report } from "../compiler/report.js";
import { duel } from "./againstTorch.js";
import { describe, markdown, type Result } from "./againstTorchReport.js";
import { replaceMeasured } from "./page.js";

const usage = `usage: npm run bench:torch -- [options]
  --threads N,M    numbers of threads to measure with; default: one a processor, and 1
  --rounds N       rounds to count, of each side in turn (10)
  --steps N        steps a round (5)
  --quiet P        a round counts if other programs took at most P % of the processors (5)
  --patience M     minutes, with each number of threads, after which disturbed rounds are taken as they are (10)
  --python FILE    a Python with torch 1.13 or newer and numpy
  --set NAME=V     another size than model.ts's; --fuse NAME=CHOICE as for mlac build
  --json           the result as JSON
  --save           write bench/results/cpu-tiny-DATE.json and the figures in docs/performance/cpu-against-torch.md
`;

const { values } = parseArgs({
  options: {
    threads: { type: "string", default: [...new Set([availableParallelism(), 1])].join(",") },
    rounds: { type: "string", default: "10" },
    steps: { type: "string", default: "5" },
    quiet: { type: "string", default: "5" },
    patience: { type: "string", default: "10" },
    python: { type: "string" },
    set: { type: "string", multiple: true, default: [] },
    fuse: { type: "string", multiple: true, default: [] },
    json: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

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
    help: "install them (Debian, Ubuntu: apt-get install python3-torch libopenblas0-openmp; others: pip install torch numpy), or name a Python that has them with --python",
  });
}

async function main(): Promise<void> {
  const python = findPython();
  const built = await build({
    model: join(root, "examples/tiny/model.ts"),
    target: "cpu",
    dtype: "f32",
    fuse: pairs(values.fuse),
    set: pairs(values.set),
    out: join(root, "dist/bench/tiny"),
    onProgress: (text) => process.stderr.isTTY && process.stderr.write(`\r\x1b[K${text}`),
  });
  const { model, sizes, fuse } = built.manifest;
  const result: Result = {
    date: new Date().toISOString(),
    command: `npm run bench:torch -- ${process.argv.slice(2).join(" ")}`.trim(),
    machine: machine(),
    model: { name: model, sizes, fuse },
    duels: [],
  };
  for (const threads of values.threads.split(",").map(Number)) {
    note(`${process.stderr.isTTY ? "\r\x1b[K" : ""}${threads} ${threads === 1 ? "thread" : "threads"}`);
    result.duels.push(
      await duel({
        built,
        python,
        threads,
        rounds: Number(values.rounds),
        steps: Number(values.steps),
        quiet: Number(values.quiet) / 100,
        patience: 60 * Number(values.patience),
        note,
      }),
    );
  }
  if (values.save) save(result);
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : describe(result));
}

function save(result: Result): void {
  const folder = join(root, "bench/results");
  const path = join(folder, `cpu-tiny-${today()}.json`);
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
  note(`written: ${path} and ${replaceMeasured("cpu-against-torch.md", markdown(result))}`);
}

try {
  if (values.help) process.stdout.write(usage);
  else await main();
} catch (error) {
  if (!(error instanceof MlacError)) throw error;
  process.stderr.write(`${report(error.diagnostics)}\n`);
  process.exitCode = error.exitCode;
}
