/** Same inputs, same bits: on any number of threads, from run to run, and however the batch is accumulated. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Built, build } from "../compiler/build.js";
import { root } from "../compiler/package.js";
import { openSession, type Session } from "../runtime/session.js";
import { temporaryFolder } from "./temporary.js";

const set = { D: "32", H: "2", N: "8", R: "4", U: "8", C: "20", F: "16", S: "24", W: "40", V: "48", B: "4", T: "24", layers: "3" };
const model = join(root, "test/fixture/model.ts");
const built: Built = await build({ model, target: "cpu", dtype: "f32", fuse: {}, set, out: temporaryFolder() });

const ids = (session: Session, factor: number): Int32Array =>
  Int32Array.from({ length: session.batch * session.length }, (_, i) => (i * factor + 3) % session.vocabulary);

async function hash(session: Session, roles: readonly string[]): Promise<string> {
  const sum = createHash("sha256");
  for (const tensor of session.tensors()) if (roles.includes(tensor.role)) sum.update(await session.read(tensor.name));
  return sum.digest("hex");
}

/** Some steps from a seed; what is left in the weights, gradients and optimizer state. */
async function steps(threads: number, seed: number): Promise<string> {
  const session = await openSession(built, { threads });
  await session.initialize(seed);
  for (let step = 1; step <= 4; step++) {
    await session.microStep(ids(session, 7), ids(session, 11), 0.5, true);
    await session.microStep(ids(session, 5), ids(session, 13), 0.5, false);
    await session.update(step, 1, 1);
  }
  const result = await hash(session, ["parameter", "gradient", "momentum", "moment1", "moment2", "load"]);
  await session.close();
  return result;
}

test("1, 2 and 5 threads give the same bits, and so does a second run", async () => {
  const one = await steps(1, 7);
  assert.is(await steps(2, 7), one);
  assert.is(await steps(5, 7), one);
  assert.is(await steps(2, 7), one);
  assert.is.not(await steps(2, 8), one);
});

test("40 repeats of one step have one hash", async () => {
  const session = await openSession(built, { threads: 2 });
  await session.initialize(1);
  const seen = new Set<string>();
  for (let i = 0; i < 40; i++) {
    await session.microStep(ids(session, 7), ids(session, 11), 1, true);
    seen.add(await hash(session, ["gradient", "load"]));
  }
  await session.close();
  assert.is(seen.size, 1);
});

test("two micro-steps at half the scale give the gradients of one", async () => {
  const session = await openSession(built, { threads: 2 });
  await session.initialize(1);
  const gradients = session.tensors().filter((t) => t.role === "gradient");
  const read = async (): Promise<Float32Array[]> =>
    Promise.all(gradients.map(async (t) => (await session.numbers(t.name)) as Float32Array));
  await session.microStep(ids(session, 7), ids(session, 11), 1, true);
  const whole = await read();
  await session.microStep(ids(session, 7), ids(session, 11), 0.5, true);
  await session.microStep(ids(session, 7), ids(session, 11), 0.5, false);
  const halves = await read();
  await session.close();
  for (const [i, tensor] of gradients.entries()) {
    const norm = Math.hypot(...whole[i]!);
    const difference = Math.hypot(...whole[i]!.map((x, n) => x - halves[i]![n]!));
    assert.ok(norm > 0 && difference <= 1e-6 * norm, `${tensor.name}: ${difference} of ${norm}`);
  }
});

test("evaluate and predict leave weights and gradients alone, and evaluate gives the loss of the training step", async () => {
  const session = await openSession(built, { threads: 2 });
  await session.initialize(2);
  const { loss, balance } = await session.microStep(ids(session, 7), ids(session, 11), 1, true);
  const before = await hash(session, ["parameter", "gradient", "momentum"]);
  const evaluated = await session.evaluate(ids(session, 7), ids(session, 11));
  await session.predict(ids(session, 7), new Int32Array(session.batch).fill(5));
  assert.ok(Math.abs(evaluated.loss - loss) < 1e-5 && Math.abs(evaluated.balance - balance) < 1e-6);
  assert.is(await hash(session, ["parameter", "gradient", "momentum"]), before);
  await session.close();
});

test("a build with nothing changed is found, one with another setting is not", async () => {
  const options = { model, target: "cpu", dtype: "f32", fuse: {}, set, out: built.directory } as const;
  assert.is((await build(options)).upToDate, true);
  const { isUpToDate } = await import("../compiler/upToDate.js");
  assert.is(await isUpToDate(built.directory, { ...options, set: { ...set, layers: "4" } }), undefined);
  assert.is(await isUpToDate(built.directory, { ...options, fuse: { muon: "plain" } }), undefined);
});

test.run();
