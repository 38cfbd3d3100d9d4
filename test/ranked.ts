/** What the tests of ranks share: a model that builds in seconds, its data, and runs of `mlac train` that are watched from outside. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { latestCheckpoint } from "../runtime/checkpoint.js";
import { writeShard } from "../runtime/shards.js";
import { temporaryFolder } from "./temporary.js";

export const cli = fileURLToPath(new URL("../compiler/cli.js", import.meta.url));

const model = `import { adamw, block, dims, embedding, gain, linear, linearCrossEntropy, lookup, muon, rmsnorm, stack, type Targets, type Tensor, type Tokens, train, weight } from "mlac";
const sizes = dims({ B: 2, T: 16, V: 256, D: 16, F: 16 });
const Layer = block({ up: weight("D -> F"), down: weight("F -> D") }, (p, x: Tensor<"B T D">) => linear(linear(x, p.up), p.down));
const Model = block({ embed: embedding("V -> D"), layers: stack(3, Layer), norm: gain("D"), head: embedding("V -> D") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = lookup(p.embed, tokens);
  for (const layer of p.layers) x = layer(x);
  return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
});
export default train(Model, {
  sizes, steps: 12, accumulate: 4, clip: 1, data: { train: "train.bin", validation: "held.bin", tokenizer: "byte" },
  evaluate: { every: 6, batches: 5 }, checkpoint: { every: 4, keep: 2 },
  optimizer: { weight: muon({ lr: 0.01 }), embedding: adamw({ lr: 1e-2 }), gain: adamw({ lr: 1e-2 }) },
});
`;

/** A folder with model.ts and its data, built. Other folders get the same build with `--out`. */
export async function rankedModel(): Promise<string> {
  const folder = temporaryFolder();
  await fill(folder, "the quick brown fox jumps over the lazy dog; ");
  // A first step, so that all is built.
  const { code, err } = await runRanks(training("-n", "2", "--steps", "1", "--run", "first"), { cwd: folder });
  if (code !== 0) throw new Error(err);
  return folder;
}

/** model.ts and shards of this text. */
export async function fill(folder: string, text: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "model.ts"), model);
  const bytes = new TextEncoder().encode(text.repeat(100).slice(0, 4400));
  await writeShard(join(folder, "train.bin"), bytes, 2);
  await writeShard(join(folder, "held.bin"), bytes.subarray(0, 900), 2);
}

export interface Ran {
  code: number | null;
  out: string;
  err: string;
  seconds: number;
  /** Processes of it that were left when it had ended. */
  left: number[];
}

export interface RunOptions {
  cwd: string;
  environment?: NodeJS.ProcessEnv;
  /** Called with what has come on standard error so far, whenever more comes. */
  onText?: (text: string, pid: number) => void;
}

/** Runs a command to its end and looks for processes that it left. */
export async function runRanks(command: readonly string[], { cwd, environment = {}, onText }: RunOptions): Promise<Ran> {
  const mark = randomBytes(8).toString("hex");
  const env = { ...process.env, NO_COLOR: "1", CUDA_VISIBLE_DEVICES: "-1", MLAC_TEST_RUN: mark, ...environment };
  const started = performance.now();
  const [program = "", ...given] = command;
  const child = spawn(program, given, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  let out = "";
  let err = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    err += text;
    onText?.(err, child.pid ?? 0);
  });
  const code = await new Promise<number | null>((done) => child.once("exit", (status) => done(status)));
  const seconds = (performance.now() - started) / 1000;
  return { code, out, err, seconds, left: await processesOf(mark) };
}

/** Those that ended together with the first one may take a moment to be gone. */
async function processesOf(mark: string): Promise<number[]> {
  const alive = (): number[] =>
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name) && environmentOf(name).includes(mark))
      .map(Number);
  for (let tries = 0; tries < 30 && alive().length > 0; tries++) await new Promise((done) => setTimeout(done, 100));
  const left = alive();
  for (const pid of left) process.kill(pid, "SIGKILL");
  return left;
}

function environmentOf(pid: string): string {
  try {
    return readFileSync(join("/proc", pid, "environ"), "latin1");
  } catch {
    return "";
  }
}

/** `mlac train`'s command line. */
export const training = (...more: string[]): string[] => [
  process.execPath,
  cli,
  ..."train model.ts --target cpu --out build --no-report".split(" "),
  ...more,
];

const asRoot = process.getuid?.() === 0 ? ["--allow-run-as-root"] : [];
export const mpirun = (...more: string[]): string[] => ["mpirun", "--oversubscribe", "--bind-to", "none", ...asRoot, ...more];

/** The step of a run's newest good checkpoint; every other one in its folder must be good, too. */
export async function checkpointOf(run: string): Promise<number | undefined> {
  const { checkpoint, rejected } = await latestCheckpoint(join(run, "checkpoints"));
  if (rejected.length > 0) throw new Error(rejected.map(({ reason }) => reason).join("\n"));
  return checkpoint?.step;
}

export const metricsOf = (run: string): Record<string, number>[] =>
  readFileSync(join(run, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number>);
