/** One rank of bench/ranks.ts. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ranksId } from "../runtime/place.js";
import { Random } from "../runtime/random.js";
import { type BuiltModel, openSession, type Session } from "../runtime/session.js";

export interface RankWork {
  rank: number;
  size: number;
  /** One process, without NCCL. */
  alone: boolean;
  directory: string;
  /** Where ranks find each other, and where rank 0 leaves its figures. */
  folder: string;
  /** Steps that are timed with each number of micro-steps of a rank. */
  steps: number;
  accumulate: number[];
  /** Steps of a course whose global batch has `micro` micro-batches, whatever the number of ranks. */
  losses: number;
  micro: number;
  /** In the opposite order. */
  reverse: boolean;
}

export interface RankFigures {
  gpu: string;
  nccl?: string;
  accumulate: number;
  /** Milliseconds of a step with its update: the mean. */
  stepMs: number;
  /** Of them, what the micro-steps and the update waited for other ranks with nothing else to do; means of a step. */
  microStepWaitMs: number;
  updateWaitMs: number;
  /** Of rank 0, a step. */
  sentBytes: number;
  gradientBytes: number;
  /** In use on this rank's GPU, by everything. */
  usedMiB: number;
  losses: number[];
}

const work = JSON.parse(process.argv[2]!) as RankWork;
const { rank, size, directory, folder } = work;
const built: BuiltModel = {
  manifest: JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")),
  library: join(directory, "model.so"),
};

/** Rank 0 leaves it in the folder, the others wait for it. */
async function commonId(): Promise<Uint8Array> {
  const file = join(folder, "id");
  if (rank === 0) {
    const id = await ranksId(built);
    writeFileSync(`${file}.tmp`, id);
    renameSync(`${file}.tmp`, file);
    return id;
  }
  while (!existsSync(file)) await new Promise((settle) => setTimeout(settle, 10));
  return new Uint8Array(readFileSync(file));
}

const place = work.alone ? undefined : { rank, size, id: await commonId(), timeout: 60 };
const session = await openSession(built, place ? { place } : {});
const { vocabulary } = session;

/** Each token follows from the one before it, but for some noise: there is something to learn, and experts are used as in texts. */
function batchOf(step: number, micro: number): { tokens: Int32Array; targets: Int32Array } {
  const { batch, length } = session;
  const random = new Random(step * 4096 + micro + 1);
  const [tokens, targets] = [new Int32Array(batch * length), new Int32Array(batch * length)];
  for (let b = 0; b < batch; b++) {
    let token = Math.floor(vocabulary * random.next() ** 4);
    for (let t = 0; t < length; t++) {
      tokens[b * length + t] = token;
      token = random.next() < 0.5 ? (token * 3 + 1) % vocabulary : Math.floor(vocabulary * random.next() ** 4);
      targets[b * length + t] = token;
    }
  }
  return { tokens, targets };
}

/** A barrier, and the sum of what each rank says. */
async function sum(value: number): Promise<number> {
  const values = Float64Array.of(value);
  if (place) await session.sum(values);
  return values[0]!;
}

async function step(number: number, accumulate: number, batches: (micro: number) => ReturnType<typeof batchOf>): Promise<number> {
  let loss = 0;
  const scale = 1 / (accumulate * size);
  for (let m = 0; m < accumulate; m++) {
    const { tokens, targets } = batches(m);
    const report = await session.microStep(tokens, targets, scale, m === 0, m === accumulate - 1);
    loss += (report.loss + report.balance) * scale;
  }
  const { norm } = await session.update(number, 1, 1);
  if (!Number.isFinite(norm)) throw new Error(`step ${number}: the norm of the gradients is ${norm}`);
  return loss;
}

async function courseOfLosses(): Promise<number[]> {
  const losses: number[] = [];
  const own = work.micro / size;
  const taken = (m: number): number => (work.reverse ? own - 1 - m : m) * size + rank;
  for (let number = 1; number <= work.losses; number++) losses.push(await sum(await step(number, own, (m) => batchOf(number, taken(m)))));
  return losses;
}

async function timed(accumulate: number, losses: number[]): Promise<RankFigures> {
  const batches = Array.from({ length: 4 }, (_, i) => batchOf(1000 + i, rank));
  const next = (m: number): ReturnType<typeof batchOf> => batches[m % batches.length]!;
  for (let warm = 1; warm <= 2; warm++) await step(work.losses + warm, accumulate, next);
  if (place) await session.traffic();
  await sum(0);
  const started = performance.now();
  for (let number = 1; number <= work.steps; number++) await step(work.losses + 2 + number, accumulate, next);
  await sum(0);
  const stepMs = (performance.now() - started) / work.steps;
  const traffic = place ? await session.traffic() : { bytes: 0, gradientBytes: 0, microStepSeconds: 0, updateSeconds: 0 };
  return {
    gpu: gpuNow().name,
    accumulate,
    stepMs,
    microStepWaitMs: (1000 * traffic.microStepSeconds) / work.steps,
    updateWaitMs: (1000 * traffic.updateSeconds) / work.steps,
    sentBytes: traffic.bytes / work.steps,
    gradientBytes: traffic.gradientBytes / work.steps,
    usedMiB: gpuNow().usedMiB,
    losses,
    ...(process.env["MLAC_NCCL"] && place ? { nccl: process.env["MLAC_NCCL"] } : {}),
  };
}

function gpuNow(): { name: string; usedMiB: number } {
  // nvidia-smi counts the machine's GPUs, and not those that are shown to this process.
  const gpu = process.env["CUDA_VISIBLE_DEVICES"]?.split(",")[rank] ?? String(rank);
  const asked = ["-i", gpu, "--query-gpu=name,memory.used", "--format=csv,noheader,nounits"];
  const [name = "", used] = execFileSync("nvidia-smi", asked, { encoding: "utf8" }).trim().split(", ");
  return { name, usedMiB: Number(used) };
}

/** The first process of all measures the kernels' ways; all others take them from the file. */
async function prepare(to: Session): Promise<void> {
  await to.initialize(1);
  if (work.alone) await to.tune(() => undefined);
}

await prepare(session);
const losses = await courseOfLosses();
const figures: RankFigures[] = [];
for (const [i, accumulate] of work.accumulate.entries()) figures.push(await timed(accumulate, i === 0 ? losses : []));
if (rank === 0) writeFileSync(join(folder, "figures.json"), JSON.stringify(figures));
await session.close();
