/**
 * `node dist/bench/optimizers.js`: Muon against AdamW for the weights of examples/tiny, on the Brown corpus's bytes. The learning
 * rate of each is tuned first, by the validation loss at the end; then the best of each train with further seeds. Same seed:
 * same first weights, same batches, same validation batches.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { machine, today } from "../compiler/bench/machine.js";
import { build } from "../compiler/build.js";
import { MlacError } from "../compiler/diagnostics.js";
import { root } from "../compiler/package.js";
import { report } from "../compiler/report.js";
import { best, describe, markdown, pairsOf, summarize } from "./optimizersReport.js";
import { replaceMeasured } from "./page.js";
import { runTrial, type Trial } from "./trial.js";

const usage = `usage: node dist/bench/optimizers.js [options]
  --steps N          of each run (300)
  --seeds N          runs of each optimizer's best rate, with other seeds (3)
  --muon A,B,…       learning rates to try (0.005,0.01,0.02)
  --adamw A,B,…      (0.001,0.002,0.004,0.008)
                     while the best is at an end, the half or the double of it is tried as well
  --set N=V          another size than bench/models/optimizers.ts's
  --threads N        default: one a processor
  --json             the result as JSON
  --save             write bench/results/muon-against-adamw-DATE.json and the figures in docs/performance/muon-against-adamw.md
`;

const { values } = parseArgs({
  options: {
    steps: { type: "string", default: "300" },
    seeds: { type: "string", default: "3" },
    muon: { type: "string", default: "0.005,0.01,0.02" },
    adamw: { type: "string", default: "0.001,0.002,0.004,0.008" },
    set: { type: "string", multiple: true, default: [] },
    threads: { type: "string", default: String(availableParallelism()) },
    json: { type: "boolean", default: false },
    save: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});

const note = (text: string): void => void process.stderr.write(`${text}\n`);
/** Rates beyond the given ones, at most, that are tried because the best was at the end. */
const further = 3;
const steps = Number(values.steps);

async function trial(optimizer: Trial["optimizer"], rate: number, seed: number): Promise<Trial> {
  const set = Object.fromEntries(values.set.map((one) => one.split("=", 2) as [string, string]));
  const built = await build({
    model: join(root, "bench/models/optimizers.ts"),
    target: "cpu",
    dtype: "f32",
    fuse: {},
    set: { ...set, useMuon: String(optimizer === "muon"), rate: String(rate) },
    out: join(root, "dist/bench", optimizer),
  });
  const done = await runTrial({ built, optimizer, rate, seed, steps, threads: Number(values.threads) });
  note(
    `${optimizer}, learning rate ${rate}, seed ${seed}: validation loss ${done.final.toFixed(4)} after ${steps} steps of ${done.stepMs.toFixed(0)} ms`,
  );
  return done;
}

/** The given rates, and more on the side where the best one is the last. */
async function tune(optimizer: Trial["optimizer"], rates: readonly number[]): Promise<Trial[]> {
  const trials: Trial[] = [];
  for (const rate of rates) trials.push(await trial(optimizer, rate, 1));
  for (let more = 0; more < further; more++) {
    const { rate } = best(trials);
    const tried = trials.map((one) => one.rate);
    const next = rate === Math.max(...tried) ? 2 * rate : rate === Math.min(...tried) ? rate / 2 : undefined;
    if (next === undefined) break;
    trials.push(await trial(optimizer, next, 1));
  }
  return trials.sort((a, b) => a.rate - b.rate);
}

async function main(): Promise<void> {
  const begun = machine();
  const rates = (given: string): number[] => given.split(",").map(Number);
  const tuned = { adamw: await tune("adamw", rates(values.adamw)), muon: await tune("muon", rates(values.muon)) };
  const chosen = { adamw: best(tuned.adamw), muon: best(tuned.muon) };
  const runs = { adamw: [chosen.adamw], muon: [chosen.muon] };
  for (let seed = 2; seed <= Number(values.seeds); seed++)
    for (const optimizer of ["adamw", "muon"] as const) runs[optimizer].push(await trial(optimizer, chosen[optimizer].rate, seed));
  const { manifest } = await build({
    model: join(root, "bench/models/optimizers.ts"),
    target: "cpu",
    dtype: "f32",
    fuse: {},
    set: {
      ...Object.fromEntries(values.set.map((one) => one.split("=", 2) as [string, string])),
      useMuon: "true",
      rate: String(chosen.muon.rate),
    },
    out: join(root, "dist/bench/muon"),
  });
  const result = {
    date: new Date().toISOString(),
    command: `node dist/bench/optimizers.js ${process.argv.slice(2).join(" ")}`.trim(),
    machine: begun,
    threads: Number(values.threads),
    steps,
    sizes: manifest.sizes,
    schedule: manifest.plan.schedule,
    summary: summarize(pairsOf(runs.adamw, runs.muon)),
    tuned,
    runs,
  };
  if (values.save) {
    const folder = join(root, "bench/results");
    mkdirSync(folder, { recursive: true });
    const path = join(folder, `muon-against-adamw-${today()}.json`);
    writeFileSync(path, `${JSON.stringify(result, null, 1)}\n`);
    note(`written: ${path} and ${replaceMeasured("muon-against-adamw.md", markdown(result))}`);
  }
  process.stdout.write(values.json ? `${JSON.stringify(result)}\n` : describe(result));
}

try {
  if (values.help) process.stdout.write(usage);
  else await main();
} catch (error) {
  if (!(error instanceof MlacError)) throw error;
  process.stderr.write(`${report(error.diagnostics)}\n`);
  process.exitCode = error.exitCode;
}
