import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MlacError } from "../compiler/diagnostics.js";
import { openSession, type Session } from "../runtime/session.js";
import { batch, bigram, length, vocabulary } from "./bigram.js";

const folder = mkdtempSync(join(tmpdir(), "mlac-session-"));
const built = await bigram(folder);
const test = suite("session");
test.after(() => rmSync(folder, { recursive: true, force: true }));

const tokens = Int32Array.from({ length: batch * length }, (_, i) => (i * 7) % vocabulary);
const targets = Int32Array.from({ length: batch * length }, (_, i) => ((i + 1) * 7) % vocabulary);

async function open(): Promise<Session> {
  const session = await openSession(built, { threads: 1 });
  await session.initialize(1);
  return session;
}

async function slug(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
  } catch (error) {
    if (error instanceof MlacError) return error.diagnostics[0]?.slug ?? "";
    throw error;
  }
  return "it did not fail";
}

test("steps lower the loss, and the same seed gives the same bits", async () => {
  const once = async (): Promise<[number, Uint8Array]> => {
    const session = await open();
    for (let step = 1; step <= 20; step++) {
      await session.microStep(tokens, targets, 1, true);
      await session.update(step, 1, 1);
    }
    const { loss } = await session.evaluate(tokens, targets);
    const table = await session.read("table");
    await session.close();
    return [loss, table];
  };
  const [loss, table] = await once();
  assert.ok(loss < 5 && loss > 0);
  assert.equal(await once(), [loss, table]);
});

test("two micro-steps at half the scale are one", async () => {
  const session = await open();
  await session.microStep(tokens, targets, 0.5, true);
  await session.microStep(tokens, targets, 0.5, false);
  const halves = await session.numbers("grad.table");
  await session.microStep(tokens, targets, 1, true);
  const whole = await session.numbers("grad.table");
  assert.ok(halves.every((g, i) => Math.abs(g - whole[i]!) < 1e-7));
  await session.close();
});

test("what is written is read; sizes and names are checked", async () => {
  const session = await open();
  const table = await session.numbers("table");
  table[5] = 42;
  await session.write("table", table as Float32Array);
  assert.is((await session.numbers("table"))[5], 42);
  assert.is(await slug(() => session.read("nothing")), "run/tensor");
  assert.is(await slug(() => session.write("table", new Uint8Array(3))), "run/size");
  await session.close();
  assert.is(await slug(() => session.read("table")), "run/closed");
});

test("tokens that the vocabulary lacks never reach the native code", async () => {
  const session = await open();
  const wrong = tokens.slice();
  wrong[3] = vocabulary;
  assert.is(await slug(() => session.evaluate(wrong, targets)), "run/token");
  assert.is(await slug(() => session.evaluate(tokens, targets.subarray(1))), "run/batch");
  assert.is(await slug(() => session.predict(tokens, Int32Array.of(0, length))), "run/position");
  await session.close();
});

test("logits belong to the position that was asked for", async () => {
  const session = await open();
  const table = await session.numbers("table");
  const logits = await session.predict(tokens, Int32Array.of(2, 5));
  assert.equal([...logits.subarray(0, vocabulary)], [...table.subarray(tokens[2]! * vocabulary, (tokens[2]! + 1) * vocabulary)]);
  await session.close();
});

test("values that are not finite are named", async () => {
  const session = await open();
  assert.is(await session.firstNotFinite(), undefined);
  const table = (await session.numbers("table")) as Float32Array;
  table[7] = Number.NaN;
  await session.write("table", table);
  assert.is(await session.firstNotFinite(), "table");
  await session.close();
});

test("calls that overlap wait for each other, and the event loop goes on", async () => {
  const session = await open();
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const results = await Promise.all(Array.from({ length: 200 }, () => session.evaluate(tokens, targets)));
  clearInterval(timer);
  assert.ok(turns > 0);
  assert.ok(results.every(({ loss }) => loss === results[0]!.loss));
  await session.close();
});

test("a model that cannot be opened or loaded says why", async () => {
  assert.is(await slug(() => openSession(built, { threads: 666 })), "run/memory");
  const broken = join(folder, "broken.so");
  writeFileSync(broken, "this is no library");
  assert.is(await slug(() => openSession({ ...built, library: broken })), "run/load");
  assert.is(await slug(() => openSession({ ...built, library: join(folder, "none.so") })), "run/load");
});

test.run();
