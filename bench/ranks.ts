/**
 * `npm run bench:ranks -- MODEL [--gpus 1,2,4,8] [--accumulate 1,8] [--steps 20] [--losses 50] [--over nothing,NCCL] [--reverse] [--build DIR] [--fuse …] [--set …] [--out FILE]`
 * Training on several GPUs of this machine: tokens a second, weak-scaling efficiency (the same micro-batches for every GPU), time that nothing
 * hides, bytes sent, memory, and the first losses of one global batch on any number of GPUs. It starts the processes itself, and builds and
 * measures the kernels' ways once. One GPU is measured twice: alone, and over NCCL with one rank; --over takes one of the two.
 * --reverse takes a step's micro-batches in the opposite order: on one GPU, what another order of sums makes of the losses.
 */
import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { build } from "../compiler/build.js";
import type { Manifest } from "../compiler/manifest.js";
import { root } from "../compiler/package.js";
import type { RankFigures, RankWork } from "./rankWorker.js";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    gpus: { type: "string", default: "1,2,4,8" },
    accumulate: { type: "string", default: "1,8" },
    steps: { type: "string", default: "20" },
    losses: { type: "string", default: "50" },
    micro: { type: "string", default: "8" },
    rounds: { type: "string", default: "1" },
    over: { type: "string", default: "nothing,NCCL" },
    reverse: { type: "boolean", default: false },
    build: { type: "string" },
    fuse: { type: "string", multiple: true, default: [] },
    set: { type: "string", multiple: true, default: [] },
    out: { type: "string" },
  },
});
const [model = "examples/speedrun/model.ts"] = positionals;
const numbers = (list: string): number[] => list.split(",").map(Number);
const pairs = (list: readonly string[]): Record<string, string> => Object.fromEntries(list.map((p) => p.split("=") as [string, string]));
const log = (text: string): void => void process.stderr.write(`${text}\n`);

const directory =
  values.build ??
  (await build({ model, target: "cuda", dtype: "bf16", fuse: pairs(values.fuse), set: pairs(values.set), onProgress: () => undefined }))
    .directory;
const manifest = JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")) as Manifest;
const tokens = manifest.tokens.batch * manifest.tokens.length;

interface Row extends RankFigures {
  gpus: number;
  over: "nothing" | "NCCL";
}

/** Every rank is a process; what rank 0 measured comes back. */
async function run(gpus: number, over: Row["over"]): Promise<Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "mlac-ranks-"));
  const work: Omit<RankWork, "rank"> = {
    size: gpus,
    alone: over === "nothing",
    directory,
    folder,
    steps: Number(values.steps),
    accumulate: numbers(values.accumulate),
    losses: Number(values.losses),
    micro: Number(values.micro),
    reverse: values.reverse,
  };
  const worker = join(root, "dist/bench/rankWorker.js");
  const children = Array.from({ length: gpus }, (_, rank) =>
    spawn(process.execPath, [worker, JSON.stringify({ ...work, rank })], {
      stdio: ["ignore", "inherit", "inherit"],
      env: { ...process.env, MLAC_DEVICE: String(rank) },
    }),
  );
  try {
    await Promise.all(
      children.map(
        (child, rank) =>
          new Promise<void>((settle, refuse) => {
            child.on("error", refuse);
            child.on("close", (code, signal) =>
              code === 0 ? settle() : refuse(new Error(`rank ${rank} of ${gpus} ended with ${signal ?? code}`)),
            );
          }),
      ),
    );
    const figures = JSON.parse(readFileSync(join(folder, "figures.json"), "utf8")) as RankFigures[];
    return figures.map((f) => ({ gpus, over, ...f }));
  } finally {
    for (const child of children) child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}

const ways = (gpus: number): Row["over"][] =>
  gpus > 1 ? ["NCCL"] : (["nothing", "NCCL"] as const).filter((way) => values.over.split(",").includes(way));

const rows: Row[] = [];
const failures: string[] = [];
for (let round = 0; round < Number(values.rounds); round++)
  for (const gpus of numbers(values.gpus))
    for (const over of ways(gpus)) {
      const measured = await run(gpus, over).catch((error: Error) => {
        failures.push(error.message);
        log(error.message);
        return [];
      });
      rows.push(...measured);
      for (const row of measured) log(describe(row));
    }

/** Tokens a second for each GPU, against one GPU alone with as many micro-steps. */
function efficiency(row: Pick<Row, "accumulate" | "stepMs">): number | undefined {
  const same = rows.filter((r) => r.over === "nothing" && r.accumulate === row.accumulate);
  const best = Math.min(...same.map((r) => r.stepMs));
  return same.length === 0 ? undefined : best / row.stepMs;
}

function describe(row: Row): string {
  const share = efficiency(row);
  return [
    `${row.gpus} GPU over ${row.over}, ${row.accumulate} micro-steps: ${row.stepMs.toFixed(2)} ms a step`,
    `${Math.round((row.gpus * row.accumulate * tokens * 1000) / row.stepMs).toLocaleString("en-US")} tokens/s`,
    ...(share === undefined ? [] : [`${(100 * share).toFixed(1)} % of one alone`]),
    `waits ${row.microStepWaitMs.toFixed(2)} + ${row.updateWaitMs.toFixed(2)} ms`,
    `${(row.sentBytes / 1e9).toFixed(3)} GB sent, ${(row.gradientBytes / 1e9).toFixed(3)} of gradients`,
    `${row.usedMiB} MiB`,
  ].join("; ");
}

const [first] = rows;
const result = {
  gpu: first?.gpu,
  nccl: rows.find((r) => r.nccl !== undefined)?.nccl,
  date: new Date().toISOString().slice(0, 10),
  command: `npm run bench:ranks -- ${process.argv.slice(2).join(" ")}`,
  model: manifest.model,
  tokensOfMicroBatch: tokens,
  rows: rows.map(({ losses: _, gpu: _gpu, nccl: _nccl, ...row }) => ({
    ...row,
    tokensPerSecond: Math.round((row.gpus * row.accumulate * tokens * 1000) / row.stepMs),
    efficiency: efficiency(row),
  })),
  losses: rows.filter((r) => r.losses.length > 0).map(({ gpus, over, losses }) => ({ gpus, over, losses })),
  /** The largest difference from one GPU alone. */
  lossDifference: rows
    .filter((r) => r.losses.length > 0 && first)
    .map(({ gpus, over, losses }) => ({
      gpus,
      over,
      most: Math.max(...losses.map((x, i) => Math.abs(x - (first!.losses[i] ?? Number.NaN)))),
    })),
  failures,
};
const text = `${JSON.stringify(result, undefined, 1)}\n`;
if (values.out) writeFileSync(values.out, text);
else process.stdout.write(text);
process.exitCode = failures.length > 0 ? 1 : 0;
