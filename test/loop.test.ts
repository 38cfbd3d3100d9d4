import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MlacError } from "../compiler/diagnostics.js";
import { Progress } from "../runtime/progress.js";
import { findCheckpoint, newRunFolder } from "../runtime/runs.js";
import { type Overrides, settingsOf } from "../runtime/settings.js";
import { writeShard } from "../runtime/shards.js";
import { summary } from "../runtime/summary.js";
import { type Outcome, train } from "../runtime/train.js";
import { bigram } from "./bigram.js";

const folder = mkdtempSync(join(tmpdir(), "mlac-loop-"));
const built = await bigram(folder);
const text = "the quick brown fox jumps over the lazy dog; ".repeat(100);
const shard = join(folder, "train.bin");
const held = join(folder, "val.bin");
await writeShard(shard, new TextEncoder().encode(text), 2);
await writeShard(held, new TextEncoder().encode(text.slice(0, 900)), 2);
Object.assign(built.manifest.plan, {
  sizes: built.manifest.sizes,
  steps: 30,
  seed: 3,
  accumulate: 2,
  clip: 1,
  optimizer: { table: { is: "adamw", lr: 0.05, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0, group: "table" } },
  schedule: { kind: "wsd", warmup: 4, decay: 10, floor: 0.1 },
  data: { train: shard, validation: held, tokenizer: "byte" },
  evaluate: { every: 10, batches: 3 },
  sample: { every: 15, prompt: "the", tokens: 20 },
  checkpoint: { every: 10, keep: 2 },
});

const test = suite("training loop");
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** What was shown; `onLine` may act on a line. */
function screen(onLine: (line: string) => void = () => undefined): { lines: string[]; stream: NodeJS.WriteStream } {
  const lines: string[] = [];
  const write = (line: string): boolean => {
    lines.push(line.trimEnd());
    onLine(line);
    return true;
  };
  return { lines, stream: { write, isTTY: false } as unknown as NodeJS.WriteStream };
}

interface More {
  overrides?: Overrides;
  resume?: boolean;
  onLine?: (line: string) => void;
}

async function run(name: string, more: More = {}): Promise<Outcome & { lines: string[] }> {
  const { lines, stream } = screen(more.onLine);
  const at = join(folder, name);
  const from = more.resume ? await findCheckpoint(at, () => undefined) : undefined;
  const outcome = await train({
    built,
    recipe: { model: "model.ts", directory: folder, set: {}, fuse: {}, dtype: "f32", target: "cpu" },
    folder: at,
    overrides: { ...from?.state.overrides, ...more.overrides },
    ...(from ? { from } : {}),
    progress: await Progress.on({ stream, pause: 0 }),
    mlac: "0.1.0",
  });
  return { ...outcome, lines };
}

const weights = (name: string, step: number): Buffer =>
  Buffer.concat(
    ["model.safetensors", "optimizer.safetensors"].map((file) =>
      readFileSync(join(folder, name, "checkpoints", `step-${String(step).padStart(6, "0")}`, file)),
    ),
  );
const metricsOf = (name: string): Record<string, unknown>[] =>
  readFileSync(join(folder, name, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

async function problem(run: () => Promise<unknown>): Promise<MlacError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof MlacError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

test("a run learns, and leaves metrics, checkpoints, samples and a summary", async () => {
  const outcome = await run("whole");
  assert.is(outcome.step, 30);
  assert.ok(outcome.validation !== undefined && outcome.validation.loss < 4);
  assert.ok(Math.abs(outcome.validation!.bitsPerByte! - outcome.validation!.loss / Math.LN2) < 1e-9);
  const metrics = metricsOf("whole");
  assert.equal(
    metrics.map(({ step }) => step),
    Array.from({ length: 30 }, (_, i) => i + 1),
  );
  assert.is(metrics[0]?.["rate"], 0.25);
  assert.ok(Math.abs((metrics[29]?.["rate"] as number) - 0.1) < 1e-12);
  assert.ok("validationLoss" in metrics[9]! && !("validationLoss" in metrics[10]!));
  assert.ok((metrics[9]!["load"] as Record<string, { worst: number }>)["moe"]!.worst >= 1);
  assert.equal(readdirSync(join(folder, "whole", "checkpoints")).sort(), ["step-000020", "step-000030"]);
  assert.is(readFileSync(join(folder, "whole", "sample.txt"), "utf8").match(/── step/g)?.length, 2);
  assert.match(outcome.sample ?? "", /^the/);
  assert.match(outcome.lines.find((line) => line.startsWith("step  5/30")) ?? "", /loss \d.*lr ×1\.000.*tokens\/s.*left/);
  assert.match(summary(outcome), "bits/byte");
  assert.match(summary(outcome), join("checkpoints", "step-000030"));
});

test("the same seed gives the same bits, another seed others", async () => {
  await run("again");
  assert.ok(weights("whole", 30).equals(weights("again", 30)));
  await run("other", { overrides: { seed: 4 } });
  assert.not.ok(weights("whole", 30).equals(weights("other", 30)));
});

test("a run that is stopped and resumed ends with the bits of one that was not", async () => {
  let sent = false;
  const stop = (line: string): void => {
    if (!/^step 13\/30/.test(line) || sent) return;
    sent = true;
    process.emit("SIGTERM", "SIGTERM");
  };
  const stopped = await run("resumed", { onLine: stop });
  assert.is(stopped.signal, "SIGTERM");
  assert.is(stopped.step, 13);
  assert.match(stopped.checkpoint, "step-000013");
  assert.match(summary(stopped), "--resume");
  const rest = await run("resumed", { resume: true });
  assert.is(rest.step, 30);
  assert.ok(weights("whole", 30).equals(weights("resumed", 30)));
  assert.equal(
    metricsOf("resumed").map(({ step, loss, validationLoss }) => [step, loss, validationLoss]),
    metricsOf("whole").map(({ step, loss, validationLoss }) => [step, loss, validationLoss]),
  );
  assert.is(rest.sample, (await run("third")).sample);
});

test("what a resumed run was started with need not be said again", async () => {
  const overrides = { accumulate: 1, seed: 9, lrScale: 0.5, sample: false };
  await run("short", { overrides: { ...overrides, steps: 30 } });
  await run("first", {
    overrides: { ...overrides, steps: 30 },
    onLine: (line) => void (/^step 10\/30/.test(line) && process.emit("SIGINT", "SIGINT")),
  });
  await run("first", { resume: true });
  assert.ok(weights("short", 30).equals(weights("first", 30)));
});

test("a loss that is not finite stops the run and leaves the last checkpoint", async () => {
  const error = await problem(() => run("diverged", { overrides: { lrScale: 1e41 } }));
  assert.is(error.diagnostics[0]?.slug, "run/diverged");
  assert.is(error.exitCode, 1);
  assert.match(error.message, /step \d+: the .* (NaN|Infinity); the first tensor with such a value is (grad\.)?table/);
  assert.match(error.diagnostics[0]?.help ?? "", "--lr-scale");
  const last = metricsOf("diverged").at(-1);
  assert.ok([last?.["loss"], last?.["gradNorm"]].some((value) => value === "NaN" || value === "Infinity"));
});

test("a folder with a run is not written over, and a finished one says so", async () => {
  assert.is((await problem(() => run("whole"))).diagnostics[0]?.slug, "use/run");
  assert.is((await problem(() => run("whole", { resume: true }))).diagnostics[0]?.slug, "use/steps");
  assert.is((await problem(() => run("nowhere", { resume: true }))).diagnostics[0]?.slug, "run/checkpoint");
});

test("data that do not fit the model are told apart", async () => {
  const slug = async (overrides: Overrides): Promise<string | undefined> =>
    (await problem(() => run("wrong", { overrides }))).diagnostics[0]?.slug;
  assert.is(await slug({ data: join(folder, "none-*.bin") }), "data/files");
  const far = join(folder, "far.bin");
  await writeShard(far, new Uint16Array(200).fill(300), 2);
  assert.is(await slug({ data: far }), "data/token");
});

test("a shorter run has a shorter schedule, and what cannot be is refused", async () => {
  const { schedule } = settingsOf(built.manifest.plan, { steps: 6 });
  assert.equal([schedule.warmup, schedule.decay], [0, 2]);
  assert.equal(settingsOf(built.manifest.plan, { steps: 20 }).schedule, built.manifest.plan.schedule);
  const tooLong = { ...built.manifest.plan, schedule: { kind: "constant" as const, warmup: 31 } };
  assert.is((await problem(async () => settingsOf(tooLong, {}))).diagnostics[0]?.slug, "plan/schedule");
});

test("Brown's own validation goes with Brown only", () => {
  const { plan } = built.manifest;
  assert.is(settingsOf(plan, { data: "brown" }).data.validation, "brown");
  assert.is(settingsOf(plan, { data: "other.bin" }).data.validation, undefined);
  assert.is(settingsOf(plan, {}).data.validation, held);
});

test("run folders are named after the model and the time", () => {
  assert.is(newRunFolder("examples/tiny/model.ts", new Date(2026, 10, 13, 14, 15, 16)), join("runs", "tiny-2026-11-13-141516"));
  assert.is(newRunFolder("big.ts", new Date(2026, 10, 3, 4, 5, 6)), join("runs", "big-2026-11-03-040506"));
});

test.run();
