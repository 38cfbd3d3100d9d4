/** Builds variants and times them: each in a process of its own, and on the processor in turns, so that what else runs slows all alike. */
import { join } from "node:path";
import type { KernelTime } from "../../runtime/session.js";
import { MlacError } from "../diagnostics.js";
import { root } from "../package.js";
import { plain } from "../plain.js";
import type { Bench } from "./context.js";
import { ms } from "./figures.js";
import { Side, type Steps } from "./side.js";
import { type Against, compare, median, type Spread, spread } from "./statistics.js";
import { type Turn, takeTurns } from "./turns.js";
import type { Variant } from "./variants.js";
import type { Profile, Question, WorkerFacts, WorkerOptions } from "./worker.js";

export interface Measured {
  date: string;
  /** Milliseconds of a step: a micro-step and an update. */
  step: Spread;
  /** The same, round by round. */
  rounds: number[];
  microStep: Spread;
  update: Spread;
  /** Cross entropy of random tokens before any step. */
  loss: number;
  planBytes: number;
  /** The most that the process took, or that is in use on the GPU; null where nobody says. */
  usedBytes: number | null;
  kernels: KernelTime[];
  buildSeconds: number;
  /** The largest share of the processors that other programs had in a round; 0 on a GPU. More than `quiet` says that it is to be doubted. */
  others: number;
}

/** One that could not be measured: why. */
export interface Failed {
  failed: string;
}

/** Milliseconds that a round should take at least, so that the clock and the calls do not count. */
const shortestRound = 50;
const warmSteps = 2;
const profileRounds = 5;

interface Opened extends Turn {
  variant: Variant;
  buildSeconds: number;
  loss: number;
}

/**
 * All of them, measured together. On a GPU one after the other, and what was measured before is taken from there; on the processor all are
 * there at once, and a group is measured again as a whole. `context` names the group.
 */
export async function measureAll(bench: Bench, context: string, variants: readonly Variant[]): Promise<Map<Variant, Measured | Failed>> {
  const together = bench.build.target === "cpu";
  const name = ({ key }: Variant): string => `${key} ${bench.rounds}${together ? ` ${bench.threads} ${context}` : ""}`;
  const known = variants.map((variant) => bench.store.get<Measured>(name(variant)));
  const result = new Map<Variant, Measured | Failed>();
  if (!together || known.every((one) => one !== undefined))
    for (const [i, variant] of variants.entries()) if (known[i]) result.set(variant, known[i]);
  const missing = variants.filter((variant) => !result.has(variant));
  for (const group of together ? [missing] : missing.map((variant) => [variant])) {
    if (bench.late()) {
      for (const variant of group) result.set(variant, { failed: "no time was left" });
      continue;
    }
    for (const [variant, measured] of await measureGroup(bench, group)) {
      result.set(variant, measured);
      if (!("failed" in measured) && measured.others <= bench.quiet) await bench.store.put(name(variant), measured);
    }
  }
  return result;
}

async function measureGroup(bench: Bench, variants: readonly Variant[]): Promise<Map<Variant, Measured | Failed>> {
  const result = new Map<Variant, Measured | Failed>();
  const opened: Opened[] = [];
  try {
    for (const variant of variants)
      try {
        opened.push(await open(bench, variant));
      } catch (error) {
        result.set(variant, failure(error));
      }
    const quiet = bench.build.target === "cpu" ? bench.quiet : undefined;
    const others = await takeTurns(bench.rounds, opened, quiet, async (one, work) => {
      if (!result.has(one.variant)) await attempt(result, one, work);
    });
    for (const one of opened)
      if (!result.has(one.variant)) await attempt(result, one, async () => void result.set(one.variant, await finish(one, others)));
    for (const [{ title }, measured] of result)
      if (title !== undefined) bench.note(`  ${title}: ${"failed" in measured ? plain(measured.failed) : ms(measured.step.median)}`);
  } finally {
    for (const { side } of opened) await side.close();
  }
  return result;
}

async function attempt(result: Map<Variant, Measured | Failed>, { variant }: Opened, work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    result.set(variant, failure(error));
  }
}

function failure(error: unknown): Failed {
  if (!(error instanceof MlacError)) throw error;
  return { failed: error.message.split("\n")[0] ?? "" };
}

/** Built, opened and warm. The library is loaded when this is done: another may be built in its place. */
async function open(bench: Bench, variant: Variant): Promise<Opened> {
  if (variant.title !== undefined) bench.note(`  ${variant.title}`);
  const started = performance.now();
  // Every choice is said, so that nothing else decides.
  const { measured: _, ...build } = bench.build;
  const built = await bench.make({ ...build, fuse: { ...variant.choices }, out: bench.place("model") });
  const buildSeconds = (performance.now() - started) / 1000;
  const side = await startWorker(built.directory, bench.threads);
  try {
    const warm = await side.ask<Steps>({ warm: warmSteps } satisfies Question);
    const loss = warm.losses.at(-1) ?? Number.NaN;
    const last = warm.ms.at(-1)?.reduce((a, b) => a + b, 0) ?? shortestRound;
    const steps = Math.max(1, Math.min(50, Math.ceil(shortestRound / last)));
    return { side, variant, buildSeconds, loss, steps, rounds: [] };
  } catch (error) {
    await side.close();
    throw error;
  }
}

/** Errors: run/side, with what the process said. */
export async function startWorker(directory: string, threads: number, seed = 1): Promise<Side> {
  const options: WorkerOptions = { directory, threads, seed };
  const command = [process.execPath, join(root, "dist/compiler/bench/worker.js"), JSON.stringify(options)];
  return (await Side.start<WorkerFacts>("the measured model", command)).side;
}

async function finish({ side, variant, buildSeconds, loss, rounds }: Opened, others: number): Promise<Measured> {
  const { bytes } = await side.ask<{ bytes: number | null }>({ memory: true } satisfies Question);
  const kernels = await profileOf(side);
  // A round's mean counts as one measurement.
  const means = (part: (ms: readonly number[]) => number): number[] =>
    rounds.map(({ ms }) => ms.reduce((n, step) => n + part(step), 0) / ms.length);
  const whole = means(([microStep = 0, update = 0]) => microStep + update);
  return {
    date: new Date().toISOString().slice(0, 10),
    step: spread(whole),
    rounds: whole,
    microStep: spread(means(([microStep = 0]) => microStep)),
    update: spread(means(([, update = 0]) => update)),
    loss,
    planBytes: variant.planBytes,
    usedBytes: bytes !== null && Number.isFinite(bytes) ? bytes : null,
    kernels,
    buildSeconds,
    others,
  };
}

/** Of each kernel the median of some rounds. */
export async function profileOf(side: Side): Promise<KernelTime[]> {
  const rounds: KernelTime[][] = [];
  for (let i = 0; i < profileRounds; i++) rounds.push((await side.ask<Profile>({ profile: 1 } satisfies Question)).kernels);
  return (rounds[0] ?? []).map((kernel, i) => ({
    ...kernel,
    milliseconds: median(rounds.map((round) => round[i]?.milliseconds ?? Number.NaN)),
  }));
}

/** Of two that were measured by one call of measureAll. */
export const compareMeasured = (bench: Bench, a: Measured, b: Measured): Against =>
  compare(a.rounds, b.rounds, bench.build.target === "cpu");
