/**
 * A built model that is timed, in a process of its own: `node worker.js '{"directory": …}'`. What it takes of the machine is seen from
 * outside, it is gone when it ends, and a failure on the GPU ends nobody else. Each line of JSON is answered with one.
 */
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { Random } from "../../runtime/random.js";
import { type TensorInfo, writeSafetensors } from "../../runtime/safetensors.js";
import { type KernelTime, type Losses, openSession, type Session } from "../../runtime/session.js";
import type { Manifest } from "../manifest.js";
import type { Steps } from "./side.js";

export interface WorkerOptions {
  /** Of the build. */
  directory: string;
  threads: number;
  seed: number;
}

/** The first answer. */
export interface WorkerFacts {
  /** What measuring the ways of products said, on a GPU. */
  tuned: string;
}

export type Question =
  | { steps: number }
  | { warm: number }
  | { profile: number }
  | { memory: true }
  | { copy: number }
  | { exchange: string };

export interface Profile {
  kernels: KernelTime[];
}

const options = JSON.parse(process.argv[2] ?? "{}") as WorkerOptions;
const manifest = JSON.parse(readFileSync(join(options.directory, "manifest.json"), "utf8")) as Manifest;
const cuda = manifest.target === "cuda";
const before = cuda ? gpuBytes() : statusBytes("VmRSS");
let session: Session;
try {
  session = await openSession({ manifest, library: join(options.directory, "model.so") }, { threads: options.threads });
  await session.initialize(options.seed);
  let tuned = "";
  await session.tune((text) => (tuned = text));
  const random = new Random(options.seed);
  const ids = (): Int32Array =>
    Int32Array.from({ length: session.batch * session.length }, () => Math.floor(random.next() * session.vocabulary));
  const [tokens, targets] = [ids(), ids()];
  let done = 0;
  answer({ tuned } satisfies WorkerFacts);
  for await (const line of createInterface({ input: process.stdin })) answer(await reply(JSON.parse(line) as Question));
  await session.close();

  /** A rate of zero leaves the weights as they were drawn: every step, of every build, is the same work. */
  async function step(): Promise<{ ms: number[]; loss: number }> {
    const start = performance.now();
    const { loss } = await session.microStep(tokens, targets, 1, true);
    const middle = performance.now();
    await session.update(++done, 0, manifest.plan.clip);
    return { ms: [middle - start, performance.now() - middle], loss };
  }

  async function timed(): Promise<{ ms: number[]; loss: number }> {
    if (!cuda) return step();
    const { microStep, update } = await session.deviceTime();
    return { ms: [microStep, update], loss: Number.NaN };
  }

  async function steps(count: number, one: typeof step): Promise<Steps> {
    const from = process.cpuUsage();
    const all: Awaited<ReturnType<typeof step>>[] = [];
    for (let i = 0; i < count; i++) all.push(await one());
    const { user, system } = process.cpuUsage(from);
    const peakBytes = process.resourceUsage().maxRSS * 1024;
    return { ms: all.map(({ ms }) => ms), losses: all.map(({ loss }) => loss), cpuSeconds: (user + system) / 1e6, peakBytes };
  }

  /** What another program needs to take the same step: weights, the batch, and what comes of it. */
  async function exchange(folder: string): Promise<Losses> {
    const store = (name: string, tensors: readonly TensorInfo[], read: (name: string) => Uint8Array | Promise<Uint8Array>) =>
      writeSafetensors(join(folder, `${name}.safetensors`), tensors, read);
    const ofRoles = (...roles: string[]): TensorInfo[] => session.tensors().filter(({ role }) => roles.includes(role));
    const ids: Record<string, Int32Array> = { tokens, targets };
    const shape = [session.batch, session.length];
    const bytes = (name: string): Uint8Array => new Uint8Array(ids[name]!.buffer);
    await store("weights", ofRoles("parameter", "state"), (name) => session.read(name));
    await store(
      "batch",
      Object.keys(ids).map((name) => ({ name, dtype: "I32", shape })),
      bytes,
    );
    const losses = await session.microStep(tokens, targets, 1, true);
    await store("gradients", ofRoles("gradient"), (name) => session.read(name));
    return losses;
  }

  async function reply(asked: Question): Promise<unknown> {
    if ("warm" in asked) return steps(asked.warm, step);
    if ("steps" in asked) return steps(asked.steps, timed);
    if ("profile" in asked) return { kernels: await session.profile(asked.profile) } satisfies Profile;
    if ("exchange" in asked) return exchange(asked.exchange);
    if ("copy" in asked) return { speed: await session.copySpeed(asked.copy) };
    return { bytes: (cuda ? gpuBytes() : statusBytes("VmHWM")) - before };
  }
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}

function answer(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Of this process: now, or the most there was. NaN where /proc does not say. */
function statusBytes(field: "VmRSS" | "VmHWM"): number {
  try {
    return 1024 * Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}

/** In use on the GPU, as nvidia-smi says; NaN where it is not there. */
function gpuBytes(): number {
  try {
    const given = ["--query-gpu=memory.used", "--format=csv,noheader,nounits"];
    return 2 ** 20 * Number(execFileSync("nvidia-smi", given, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).split("\n")[0]);
  } catch {
    return Number.NaN;
  }
}
