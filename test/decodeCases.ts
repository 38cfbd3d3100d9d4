/** What the tests of compiled models that generate share: models, weights from a seed, and logits token by token against those of whole texts. */
import { join } from "node:path";
import * as assert from "uvu/assert";
import { build } from "../compiler/build.js";
import type { Generation } from "../compiler/generation.js";
import { root } from "../compiler/package.js";
import { type Generator, openGenerator, type Row } from "../runtime/generator.js";
import { normal, uniform } from "./gradientCheck.js";
import { temporaryFolder } from "./temporary.js";

export const T = 304;
const sizes = { B: "4", T: String(T), V: "64", D: "32", H: "2", N: "16", R: "8", U: "16", C: "20", E: "4", F: "16", S: "24", W: "40" };
export const fixture = { file: "test/fixture/model.ts", set: sizes };
export const sigmoid = { file: "test/fixture/model.ts", set: { ...sizes, Q: "28", score: "sigmoid", scale: "2.5" } };
export const grouped = { file: "examples/gqa/model.ts", set: { B: "2", T: String(T), V: "64", D: "32", A: "8", W: "40" } };
export const plain = { file: "examples/dense/model.ts", set: { B: "2", T: String(T), V: "64", D: "32", H: "3", A: "8", W: "40" } };

/** A model, how it generates, and what it is called. */
export interface Case {
  what: string;
  model: { file: string; set: Record<string, string> };
  dtype: "f32" | "f64";
  mla: Generation["mla"];
}
const tolerance = { f32: 1e-4, f64: 1e-9 };

const folder = temporaryFolder();
export const options = ({ file, set }: Case["model"], dtype: "f32" | "f64") =>
  ({ model: join(root, file), target: "cpu", dtype, fuse: {}, set, out: join(folder, `${file.split("/")[1]}-${dtype}`) }) as const;

/** Weights from a seed; whole texts go through a window, which has room for them. */
export async function open({ model, dtype, mla }: Pick<Case, "model" | "dtype" | "mla">): Promise<Generator> {
  const built = await build({ ...options(model, dtype), generate: { rows: 4, sequences: 1, window: T, slots: 4, mla } });
  const generator = await openGenerator(built, { threads: 2 });
  const store = generator.weights();
  const next = uniform(3);
  for (const { name, shape } of store.names()) {
    const count = shape.reduce((n, s) => n * s, 1);
    const gains = shape.length === 1;
    const numbers = normal(next, count).map((x) => (gains ? 1 + 0.2 * x : (1.5 * x) / Math.sqrt(shape[0]!)));
    await store.write(name, new Uint8Array((dtype === "f64" ? numbers : Float32Array.from(numbers)).buffer));
  }
  return generator;
}

export const texts = [0, 1, 2].map((k) => Array.from({ length: T }, (_, i) => (i * i * 7 + i * (3 + k) + k) % 64));

export async function logitsOf(generator: Generator, row: number): Promise<Float64Array> {
  return Float64Array.from((await generator.logits()).subarray(row * generator.vocabulary, (row + 1) * generator.vocabulary));
}

export const distance = (a: Float64Array, b: Float64Array): number => Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

/** 300 tokens of three texts of different lengths, side by side, in float32 within 1e-4 and in float64 within 1e-9. */
export async function checkTokenByToken(one: Case): Promise<void> {
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
}
