/**
 * mlac's side of cpuAgainstTorch: `node steps.js '{"directory": …, "threads": 2}'`. Before its first line it writes what the
 * other side needs to do the same steps; then each line {"steps": 10} is answered with their times.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Steps } from "../compiler/bench/side.js";
import type { Manifest } from "../compiler/manifest.js";
import { Random } from "../runtime/random.js";
import { type TensorInfo, writeSafetensors } from "../runtime/safetensors.js";
import { openSession, type Session } from "../runtime/session.js";

export interface StepsOptions {
  /** Of the build. */
  directory: string;
  threads: number;
  /** Where weights, batches and the first batch's gradients go. */
  exchange: string;
  /** Different batches of random tokens, used in turn. */
  batches: number;
}

interface Batch {
  tokens: Int32Array;
  targets: Int32Array;
}

/** What the other side is compared with: losses of the first batch before any step. */
export interface StepsFacts {
  loss: number;
  balance: number;
}

const options = JSON.parse(process.argv[2] ?? "{}") as StepsOptions;
const manifest = JSON.parse(readFileSync(join(options.directory, "manifest.json"), "utf8")) as Manifest;
const session = await openSession({ manifest, library: join(options.directory, "model.so") }, { threads: options.threads });
const batches = randomBatches(session, options.batches);
await session.initialize(manifest.plan.seed);
answer(await exchange(batches));
let done = 0;
for await (const line of createInterface({ input: process.stdin })) answer(await steps((JSON.parse(line) as { steps: number }).steps));
await session.close();

function answer(value: StepsFacts | Steps): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** Each sequence is of one walk, as real data are: targets are the tokens one place on. */
function randomBatches({ batch, length, vocabulary }: Session, count: number): Batch[] {
  const random = new Random(7);
  const next = (): number => random.bits() % vocabulary;
  return Array.from({ length: count }, () => {
    const walks = Array.from({ length: batch }, () => Array.from({ length: length + 1 }, next));
    return {
      tokens: Int32Array.from(walks.flatMap((walk) => walk.slice(0, -1))),
      targets: Int32Array.from(walks.flatMap((walk) => walk.slice(1))),
    };
  });
}

async function exchange(all: readonly Batch[]): Promise<StepsFacts> {
  const { batch, length } = session;
  const write = (name: string, tensors: readonly TensorInfo[], read: (name: string) => Uint8Array | Promise<Uint8Array>) =>
    writeSafetensors(join(options.exchange, `${name}.safetensors`), tensors, read);
  const ofRole = (role: string): TensorInfo[] => session.tensors().filter((tensor) => tensor.role === role);
  const joined = (part: keyof Batch): Uint8Array => Buffer.concat(all.map((one) => Buffer.from(one[part].buffer)));
  const tokens = (["tokens", "targets"] as const).map((name) => ({ name, dtype: "I32" as const, shape: [all.length, batch, length] }));
  await write("weights", ofRole("parameter"), (name) => session.read(name));
  await write("batches", tokens, (name) => joined(name as keyof Batch));
  const first = all[0]!;
  const losses = await session.microStep(first.tokens, first.targets, 1, true);
  await write("gradients", ofRole("gradient"), (name) => session.read(name));
  return losses;
}

async function steps(count: number): Promise<Steps> {
  const before = process.cpuUsage();
  const ms: number[][] = [];
  const losses: number[] = [];
  for (let i = 0; i < count; i++) {
    const { tokens, targets } = batches[done % batches.length]!;
    const start = performance.now();
    const { loss } = await session.microStep(tokens, targets, 1, true);
    const middle = performance.now();
    await session.update(++done, 1, manifest.plan.clip);
    ms.push([middle - start, performance.now() - middle]);
    losses.push(loss);
  }
  const { user, system } = process.cpuUsage(before);
  return { ms, losses, cpuSeconds: (user + system) / 1e6, peakBytes: process.resourceUsage().maxRSS * 1024 };
}
