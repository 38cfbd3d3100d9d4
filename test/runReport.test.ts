import { spawnSync } from "node:child_process";
import { appendFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { recordOf } from "../runtime/eventRecord.js";
import { type Metrics, summarizeLoad } from "../runtime/metrics.js";
import { Progress } from "../runtime/progress.js";
import { readFacts } from "../runtime/report/facts.js";
import { readMetrics } from "../runtime/report/readMetrics.js";
import { reportOf, writeReport } from "../runtime/report/write.js";
import { findCheckpoint } from "../runtime/runs.js";
import type { Overrides } from "../runtime/settings.js";
import { writeShard } from "../runtime/shards.js";
import { train } from "../runtime/train.js";
import { bigram } from "./bigram.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("report of a run");
const hostile = `it's <img src=x onerror="alert(1)"> & \u001b[2J\u202e`;
const folder = temporaryFolder();
const built = await bigram(folder);
const shard = join(folder, "<b>train<b>.bin");
await writeShard(shard, new TextEncoder().encode("the quick brown fox jumps over the lazy dog; ".repeat(60)), 2);
Object.assign(built.manifest, {
  model: hostile,
  set: { NAME: hostile },
  fuse: { norm: "own" },
  kernels: [
    { name: hostile, file: "a.cpp", form: "own", ops: [hostile], lines: [hostile], programs: ["train"], flops: 1e6, bytes: 5e5, calls: 2 },
  ],
});
Object.assign(built.manifest.plan, {
  steps: 30,
  seed: 3,
  accumulate: 1,
  clip: 1,
  optimizer: { table: { is: "adamw", lr: 0.05, betas: [0.9, 0.95], eps: 1e-8, weightDecay: 0, group: "<i>table</i>" } },
  schedule: { kind: "constant", warmup: 4 },
  data: { train: shard, validation: shard, tokenizer: "byte" },
  evaluate: { every: 10, batches: 2 },
  checkpoint: { every: 10, keep: 2 },
});

interface More {
  overrides?: Overrides;
  resume?: boolean;
  onLine?: (line: string) => void;
}

async function run(name: string, more: More = {}): Promise<string> {
  const at = join(folder, name);
  const write = (line: string): boolean => {
    more.onLine?.(line);
    return true;
  };
  const from = more.resume ? await findCheckpoint(at, () => undefined) : undefined;
  await train({
    built,
    recipe: { model: "model.ts", directory: folder, set: {}, fuse: {}, dtype: "f32", target: "cpu" },
    folder: at,
    overrides: { ...from?.state.overrides, ...more.overrides },
    ...(from ? { from } : {}),
    progress: await Progress.on({ stream: { write, isTTY: false } as unknown as NodeJS.WriteStream, pause: 0 }),
    mlac: "0.1.0",
  });
  return at;
}

function without(text: string, ...parts: string[]): void {
  for (const part of parts) assert.not.ok(text.includes(part), JSON.stringify(part));
}

const stopAt =
  (step: number) =>
  (line: string): void =>
    void (line.startsWith(`step ${step}/`) && process.emit("SIGTERM", "SIGTERM"));
const pageOf = (run: string): string => readFileSync(join(run, "report.html"), "utf8");
const metricsOf = (run: string): Metrics[] => readMetrics(join(run, "metrics.jsonl"));
const eventFiles = (run: string): string[] =>
  readdirSync(run)
    .filter((name) => name.includes("tfevents"))
    .sort()
    .map((name) => join(run, name));

/** A bit at a time, unlike the writer's. */
function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of data) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc >>> 0;
}

const unmasked = (masked: number): number => {
  const turned = (masked - 0xa282ead8) >>> 0;
  return ((turned >>> 17) | (turned << 15)) >>> 0;
};

function records(data: Buffer): Buffer[] {
  const found: Buffer[] = [];
  for (let at = 0; at < data.byteLength; ) {
    const length = Number(data.readBigUInt64LE(at));
    const body = data.subarray(at + 12, at + 12 + length);
    if (unmasked(data.readUInt32LE(at + 8)) !== crc32c(data.subarray(at, at + 8))) throw new Error("checksum of the length");
    if (unmasked(data.readUInt32LE(at + 12 + length)) !== crc32c(body)) throw new Error("checksum of the event");
    found.push(body);
    at += 16 + length;
  }
  return found;
}

/** Any message of protocol buffers: its fields by number. */
function fieldsOf(message: Buffer): Map<number, (bigint | Buffer)[]> {
  const fields = new Map<number, (bigint | Buffer)[]>();
  let at = 0;
  const varint = (): bigint => {
    for (let [value, shift] = [0n, 0n]; ; shift += 7n) {
      const byte = message[at++]!;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) return value;
    }
  };
  const take = (bytes: number): Buffer => {
    at += bytes;
    return message.subarray(at - bytes, at);
  };
  while (at < message.byteLength) {
    const key = Number(varint());
    const wire = key % 8;
    const value = wire === 0 ? varint() : take(wire === 1 ? 8 : wire === 5 ? 4 : Number(varint()));
    fields.set(key >> 3, [...(fields.get(key >> 3) ?? []), value]);
  }
  return fields;
}

interface Decoded {
  wallTime: number;
  step: number;
  version?: string;
  scalars: Record<string, number>;
  restart: boolean;
}

function decode(message: Buffer): Decoded {
  const fields = fieldsOf(message);
  const one = (field: number): Buffer | undefined => fields.get(field)?.[0] as Buffer | undefined;
  const summary = one(5);
  const values = summary === undefined ? [] : ((fieldsOf(summary).get(1) ?? []) as Buffer[]).map(fieldsOf);
  return {
    wallTime: one(1)!.readDoubleLE(),
    step: Number(fields.get(2)?.[0] ?? 0n),
    ...(one(3) ? { version: one(3)!.toString() } : {}),
    scalars: Object.fromEntries(
      values.map((value) => [(value.get(1)![0] as Buffer).toString(), (value.get(2)![0] as Buffer).readFloatLE()]),
    ),
    restart: one(7) !== undefined && fieldsOf(one(7)!).get(1)?.[0] === 1n,
  };
}

/** A tag's values by step, as TensorBoard comes to them: what a restart does again counts for nothing. */
function scalarsOf(run: string, tag: string): Map<number, number> {
  let found: [number, number][] = [];
  for (const file of eventFiles(run)) {
    const events = records(readFileSync(file)).map(decode);
    assert.is(events[0]?.version, "brain.Event:2");
    for (const { step, scalars, restart } of events) {
      if (restart) found = found.filter(([before]) => before < step);
      if (scalars[tag] !== undefined) found.push([step, scalars[tag]]);
    }
  }
  assert.is(new Set(found.map(([step]) => step)).size, found.length, "each step once");
  return new Map(found);
}

const expected = (run: string, field: "loss" | "validationLoss"): [number, number][] =>
  metricsOf(run).flatMap((line) => (line[field] === undefined ? [] : [[line.step, Math.fround(line[field])]]));

test("crc32c of the tests is the standard one, and a flipped bit is noticed", () => {
  assert.is(crc32c(Buffer.from("123456789")), 0xe3069283);
  const record = recordOf({ wallTime: 1.5, step: 2 ** 40, scalars: [["a", 0.5]] });
  assert.equal(decode(records(record)[0]!), { wallTime: 1.5, step: 2 ** 40, scalars: { a: 0.5 }, restart: false });
  for (let at = 8; at < record.byteLength; at++) {
    const damaged = Buffer.from(record);
    damaged[at]! ^= 4;
    assert.throws(() => records(damaged), /checksum/);
  }
});

test("a run leaves a report with its values, and the same in event files", async () => {
  let meanwhile = "";
  const onLine = (line: string): void => {
    if (line.startsWith("step 15/")) meanwhile = pageOf(join(folder, "whole"));
  };
  const at = await run("whole", { onLine });
  assert.match(meanwhile, "10 of 30 steps");
  const html = pageOf(at);
  assert.match(html, "30 of 30 steps");
  const evaluated = metricsOf(at).filter(({ validationLoss }) => validationLoss !== undefined);
  assert.is(evaluated.length, 3);
  for (const { loss, validationLoss, gradNorm } of evaluated)
    for (const value of [loss, validationLoss, gradNorm]) assert.match(html, `>${value!.toFixed(4)}<`);
  assert.match(html, "Tokens of each expert of moe over steps");
  const last = evaluated.at(-1)!;
  assert.is(last.load?.["moe"]?.tokens.length, 4);
  assert.ok(last.memory! > 1e6 && last.lr?.["<i>table</i>"] === 0.05);
  assert.equal([...scalarsOf(at, "loss/train")], expected(at, "loss"));
  assert.equal([...scalarsOf(at, "loss/validation")], expected(at, "validationLoss"));
  assert.is(scalarsOf(at, "learning_rate/<i>table</i>").get(30), Math.fround(0.05));
  assert.ok(scalarsOf(at, "experts/moe/evenness").get(30)! > 0);
});

test("names of the run, the model and its parts appear as text", async () => {
  const at = await run(hostile.replaceAll("/", ""));
  const html = pageOf(at);
  without(html, "<img", "<b>train", "<i>table", "\u001b", "\u202e", "<script");
  assert.match(html, "<h1>it&#39;s &lt;img src=x onerror=&quot;alert(1)&quot;&gt; &amp; \ufffd[2J\ufffd</h1>");
  assert.match(html, "&lt;i&gt;table&lt;/i&gt;");
  const load = { [hostile]: summarizeLoad([1, 2, 3]), __proto__: summarizeLoad([1, 1]) };
  const made = reportOf({
    name: hostile,
    metrics: [{ step: 1, loss: 1, load }],
    facts: undefined,
    sample: `── step 1\n${hostile}</code>\n`,
  });
  without(made, "<img", "\u001b", "\u202e");
  assert.match(made, "&lt;/code&gt;</code>");
});

test("a resumed run goes on with its report and its events", async () => {
  const at = await run("resumed", { onLine: stopAt(13) });
  assert.match(pageOf(at), "13 of 30 steps");
  // As if it had been killed later, with two steps behind the checkpoint.
  const [first] = eventFiles(at);
  for (const step of [14, 15]) {
    appendFileSync(join(at, "metrics.jsonl"), `${JSON.stringify({ step, loss: 77 })}\n`);
    appendFileSync(first!, recordOf({ wallTime: 1, step, scalars: [["loss/train", 77]] }));
  }
  await run("resumed", { resume: true });
  assert.is(eventFiles(at).length, 2);
  assert.equal([...scalarsOf(at, "loss/train")], expected(at, "loss"));
  assert.is(metricsOf(at).length, 30);
  assert.equal(
    readFacts(join(at, "run.json"))?.starts.map(({ step }) => step),
    [1, 14],
  );
  assert.match(pageOf(at), ">resumed</text>");
  assert.match(pageOf(at), "30 of 30 steps");
});

test("a run on a GPU tells the memory that it has there, not that of the process", async () => {
  const at = await run("gpu");
  const facts = readFacts(join(at, "run.json"))!;
  const record = { name: "gpu", metrics: readMetrics(join(at, "metrics.jsonl")), sample: "" };
  assert.match(reportOf({ ...record, facts }), "of the process");
  const memory = { weights: 3 * 2 ** 30, activations: 2 ** 30 };
  const html = reportOf({ ...record, facts: { ...facts, built: { ...facts.built, target: "cuda", memory } } });
  assert.match(html, "planned on the GPU");
  assert.match(html, "<dd>4 GiB</dd>");
  assert.not.match(html, "of the process");
});

test("either can be left off, and a resumed run remembers it", async () => {
  const at = await run("bare", { overrides: { report: false, tensorboard: false }, onLine: stopAt(13) });
  await run("bare", { resume: true });
  assert.is(metricsOf(at).length, 30);
  assert.not.ok(existsSync(join(at, "report.html")));
  assert.equal(eventFiles(at), []);
  assert.is((await writeReport(at)).steps, 30);
  assert.match(pageOf(at), "30 of 30 steps");
});

test("a report that cannot be written is told once, and the run goes on", async () => {
  const told: string[] = [];
  mkdirSync(join(folder, "blocked", "report.html", "in-the-way"), { recursive: true });
  const at = await run("blocked", { onLine: (line) => void (line.includes("report.html") && told.push(line)) });
  assert.is(metricsOf(at).length, 30);
  assert.is(told.length, 1);
  assert.match(told[0]!, "cannot be written");
});

test("a run that diverged has a report, too", async () => {
  await failsWith(() => run("diverged", { overrides: { lrScale: 1e41 } }), "run/diverged", /step \d+/);
  assert.match(pageOf(join(folder, "diverged")), /<dd>(NaN|Infinity|\d)/);
});

test("older, damaged and empty runs are shown as far as they go", async () => {
  const at = join(folder, "old");
  mkdirSync(at);
  const path = join(at, "metrics.jsonl");
  writeFileSync(
    path,
    '{"step":1,"loss":"NaN","rate":0.5,"load":{"layers.0":{"worst":1.5,"unused":0,"evenness":0.9}}}\n{"step":2,"loss":2.5,"rate":1}\ngarbage\n{"step":3,"lo',
  );
  writeFileSync(join(at, "run.json"), "{}");
  assert.is((await writeReport(at)).steps, 2);
  assert.match(pageOf(at), "2.5000");
  assert.match(pageOf(at), "Evenness");
  assert.ok(Number.isNaN(metricsOf(at)[0]?.loss));
  writeFileSync(path, "");
  assert.is((await writeReport(at)).steps, 0);
  assert.match(pageOf(at), "no values");
  rmSync(path);
  await failsWith(() => writeReport(at), "run/report", "there is no");
});

test("mlac report makes it again", () => {
  const cli = fileURLToPath(new URL("../compiler/cli.js", import.meta.url));
  const out = join(folder, "again.html");
  const mlac = (...given: string[]): { status: number | null; stdout: string } =>
    spawnSync(process.execPath, [cli, "report", ...given], { encoding: "utf8" });
  const made = mlac(join(folder, "whole"), "--out", out, "--json");
  assert.equal([made.status, JSON.parse(made.stdout)], [0, { ok: true, path: out, steps: 30 }]);
  assert.is(readFileSync(out, "utf8"), pageOf(join(folder, "whole")));
  const missing = mlac(join(folder, "nowhere"), "--json");
  assert.is(missing.status, 1);
  assert.match(missing.stdout, "run/report");
});

test.run();
