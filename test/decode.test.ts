/**
 * Compiled models that generate: logits of 300 tokens, one after the other, against those of the full forward pass over the same tokens,
 * in float32 and in float64; requests of different lengths side by side; what the cache takes as it was allocated.
 */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { build } from "../compiler/build.js";
import type { Generation } from "../compiler/generation.js";
import { root } from "../compiler/package.js";
import { type Generator, openGenerator, type Row } from "../runtime/generator.js";
import { openSession } from "../runtime/session.js";
import { normal, uniform } from "./gradientCheck.js";
import { temporaryFolder } from "./temporary.js";

const test = suite("decode");
const T = 304;
const sizes = { B: "4", T: String(T), V: "64", D: "32", H: "2", N: "16", R: "8", U: "16", C: "20", E: "4", F: "16", S: "24", W: "40" };
const fixture = { file: "test/fixture/model.ts", set: sizes };
const sigmoid = { file: "test/fixture/model.ts", set: { ...sizes, Q: "28", score: "sigmoid", scale: "2.5" } };
const grouped = { file: "examples/gqa/model.ts", set: { B: "2", T: String(T), V: "64", D: "32", A: "8", W: "40" } };
const plain = { file: "examples/dense/model.ts", set: { B: "2", T: String(T), V: "64", D: "32", H: "3", A: "8", W: "40" } };

interface Case {
  what: string;
  model: { file: string; set: Record<string, string> };
  dtype: "f32" | "f64";
  mla: Generation["mla"];
}
const cases: readonly Case[] = [
  { what: "latent attention, softmax experts", model: fixture, dtype: "f64", mla: "absorb" },
  { what: "latent attention, softmax experts", model: fixture, dtype: "f64", mla: "materialize" },
  { what: "latent attention, softmax experts", model: fixture, dtype: "f32", mla: "absorb" },
  { what: "query latent, sigmoid experts", model: sigmoid, dtype: "f32", mla: "absorb" },
  { what: "query latent, sigmoid experts", model: sigmoid, dtype: "f32", mla: "materialize" },
  { what: "grouped queries", model: grouped, dtype: "f32", mla: "auto" },
  { what: "plain attention", model: plain, dtype: "f64", mla: "auto" },
];
const tolerance = { f32: 1e-4, f64: 1e-9 };

const folder = temporaryFolder();
const options = ({ file, set }: Case["model"], dtype: "f32" | "f64") =>
  ({ model: join(root, file), target: "cpu", dtype, fuse: {}, set, out: join(folder, `${file.split("/")[1]}-${dtype}`) }) as const;

/** Weights from a seed; whole texts go through a window, which has room for them. */
async function open({ model, dtype, mla }: Pick<Case, "model" | "dtype" | "mla">): Promise<Generator> {
  const built = await build({ ...options(model, dtype), generate: { rows: 4, sequences: 1, window: T, slots: 4, mla } });
  const generator = await openGenerator(built, { threads: 2 });
  const store = generator.weights();
  const next = uniform(3);
  for (const { name, shape } of store.names()) {
    const count = shape.reduce((n, s) => n * s, 1);
    const gains = shape.length === 1;
    const numbers = normal(next, count).map((x) => (gains ? 1 + 0.2 * x : (2 * x) / Math.sqrt(shape[0]!)));
    await store.write(name, new Uint8Array((dtype === "f64" ? numbers : Float32Array.from(numbers)).buffer));
  }
  return generator;
}

const texts = [0, 1, 2].map((k) => Array.from({ length: T }, (_, i) => (i * i * 7 + i * (3 + k) + k) % 64));

async function logitsOf(generator: Generator, row: number): Promise<Float64Array> {
  return Float64Array.from((await generator.logits()).subarray(row * generator.vocabulary, (row + 1) * generator.vocabulary));
}

const distance = (a: Float64Array, b: Float64Array): number => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

for (const one of cases)
  test(`${one.what}, ${one.mla}, ${one.dtype}: 300 tokens one by one`, async () => {
    const generator = await open(one);
    const whole: Float64Array[][] = [];
    for (const text of texts) {
      whole.push([]);
      for (let n = 1; n <= 300; n += 1) {
        await generator.prefill([{ tokens: text.slice(0, n), slot: 3 }]);
        whole.at(-1)!.push(await logitsOf(generator, 0));
      }
    }
    // Text 0 from its first token; text 1 behind a window of 37; text 2 behind one of 5, two tokens at a time.
    const at = [0, 37, 5];
    for (const [text, slot] of [
      [1, 2],
      [2, 0],
    ] as const)
      await generator.prefill([{ tokens: texts[text]!.slice(0, at[text]), slot }]);
    let worst = 0;
    let largest = 0;
    while (at[0]! < 300) {
      const who = [0, 1, 2, 2].flatMap((text) => (at[text]! < 300 ? [{ text, position: at[text]!++ }] : []));
      const rows = who.map(({ text, position }): Row => ({ token: texts[text]![position]!, slot: [1, 2, 0][text]!, position }));
      await generator.decode(rows);
      for (const [row, { text, position }] of who.entries()) {
        const expected = whole[text]![position]!;
        worst = Math.max(worst, distance(expected, await logitsOf(generator, row)));
        largest = Math.max(largest, ...expected.map(Math.abs));
      }
    }
    await generator.close();
    assert.ok(largest > 1, `the logits say something: ${largest}`);
    assert.ok(worst < tolerance[one.dtype], `${worst}`);
    console.log(`${one.what}, ${one.mla}, ${one.dtype}: ${worst.toExponential(1)} of ${largest.toFixed(1)}`);
  });

test("a window gives the logits that the training build gives", async () => {
  const session = await openSession(await build(options(fixture, "f32")), { threads: 2 });
  const generator = await open({ model: fixture, dtype: "f32", mla: "absorb" });
  const store = generator.weights();
  for (const { name } of store.names()) await session.write(name, await store.read(name));
  const at = [0, 5, 100, 300];
  const logits = Float64Array.from(await session.predict(Int32Array.from(at.flatMap(() => texts[0]!)), Int32Array.from(at)));
  for (const [row, last] of at.entries()) {
    await generator.prefill([{ tokens: texts[0]!.slice(0, last + 1), slot: 0 }]);
    const error = distance(logits.slice(row * 64, (row + 1) * 64), await logitsOf(generator, 0));
    assert.ok(error < 1e-5, `${error}`);
  }
  await session.close();
  await generator.close();
});

test("the cache takes what its layout says: a latent, a rotary key and a number a head, or keys and values", async () => {
  const perToken = async (mla: Generation["mla"]): Promise<number> => {
    const generator = await open({ model: fixture, dtype: "f32", mla });
    const { slots, context, numbers, bytesPerToken, cache } = generator.sizes;
    const bytes = await generator.cacheBytes();
    await generator.close();
    assert.is(
      bytes,
      cache.reduce((n, one) => n + one.bytes, 0),
    );
    assert.is(numbers.plain, 2 * 2 * (16 + 8 + 16));
    const each = bytes / 4 / slots / context;
    assert.is(each, numbers.kept);
    assert.is(each * 4, bytesPerToken);
    return each;
  };
  assert.is(await perToken("absorb"), 2 * (20 + 8 + 2));
  assert.is(await perToken("materialize"), 2 * 2 * (16 + 8 + 16));
});

test("what cannot be computed is a sentence", async () => {
  const generator = await open({ model: fixture, dtype: "f32", mla: "absorb" });
  const fails = async (work: Promise<unknown>, sentence: string): Promise<void> => {
    const message = await work.then(
      () => "",
      (error: Error) => error.message,
    );
    assert.match(message, sentence);
  };
  await fails(generator.sample([undefined]), "no logits yet");
  await fails(generator.decode([{ token: 64, slot: 0, position: 0 }]), "token id 64 is not below the vocabulary of 64");
  await fails(generator.decode([{ token: 1, slot: 4, position: 0 }]), "slot 4 is not one of the 4");
  await fails(generator.decode([{ token: 1, slot: 0, position: T }]), `position ${T} is not within the context of ${T}`);
  await fails(generator.decode([]), "the first row has no request");
  await fails(generator.prefill([{ tokens: [], slot: 0 }]), "0 tokens");
  await fails(generator.weights().write("head", new Uint8Array(4)) as Promise<void>, "head has");
  await generator.close();
});

test.run();
