/**
 * Generating on the GPU: logits of tokens decoded one by one against those of prefill, which is the forward pass, over 300 tokens; requests side by side;
 * the same bits again. Every expert is chosen: where two scores nearly tie, rounding alone would send a token to another one.
 */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GpuGenerator } from "../../bench/gpuGenerator.js";
import { build } from "../../compiler/build.js";
import type { Generation } from "../../compiler/generation.js";
import { root } from "../../compiler/package.js";
import { Random } from "../../runtime/random.js";
import { temporaryFolder } from "../temporary.js";
import { gpuTools } from "./gpu.js";

await gpuTools();
const test = suite("decode on the GPU");
const out = process.env["MLAC_TEST_OUT"] ?? temporaryFolder();
const T = 304;
const rows = 5;
const sizes = { B: "4", T: String(T), V: "256", D: "64", H: "2", N: "16", R: "8", U: "16", C: "24", E: "2", F: "32", S: "32", W: "128" };
const cases: readonly { what: string; file: string; set: Record<string, string>; mla: Generation["mla"] }[] = [
  { what: "latent attention, absorbed", file: "test/fixture/model.ts", set: sizes, mla: "absorb" },
  { what: "latent attention, materialized", file: "test/fixture/model.ts", set: sizes, mla: "materialize" },
  { what: "query latent, absorbed", file: "test/fixture/model.ts", set: { ...sizes, Q: "32" }, mla: "absorb" },
  { what: "query latent, materialized", file: "test/fixture/model.ts", set: { ...sizes, Q: "32" }, mla: "materialize" },
  // With a multiple of eight, the product of the scores is one of few rows.
  { what: "eight experts", file: "test/fixture/model.ts", set: { ...sizes, E: "8", K: "8" }, mla: "absorb" },
  { what: "grouped queries", file: "examples/gqa/model.ts", set: { B: "2", T: String(T) }, mla: "auto" },
  { what: "plain attention", file: "examples/dense/model.ts", set: { B: "2", T: String(T) }, mla: "auto" },
];

for (const { what, file, set, mla } of cases)
  test(`${what}: logits of 300 tokens are those of the forward pass`, async () => {
    const generate: Generation = { rows, sequences: 1, window: T, slots: rows + 1, context: T, mla };
    const { library, manifest } = await build({
      model: join(root, file),
      target: "cuda",
      dtype: "bf16",
      fuse: {},
      set,
      generate,
      out: join(out, what.replaceAll(/\W+/g, "-")),
    });
    const { vocabulary } = manifest.tokens;
    const gpu = new GpuGenerator(library);
    gpu.draw(5, 0.1);
    const random = new Random(11);
    const prompt = Int32Array.from({ length: T }, () => Math.floor(random.next() * vocabulary));
    let worst = 0;
    for (let n = 0; n < 300; n++) {
      // Row 0 is the prompt. Others are further behind in it, in slots of their own; the last one has no request.
      const behind = [0, 3, 50, 120].map((back) => n - back);
      const at = behind.map((position) => Math.max(0, position));
      const slots = Int32Array.from([...behind.map((position, i) => (position < 0 ? -1 : i)), -1]);
      gpu.decode(Int32Array.from([...at.map((p) => prompt[p]!), 0]), slots, Int32Array.from([...at, 0]));
      const decoded = gpu.logits(rows * vocabulary);
      gpu.prefill(prompt, Int32Array.of(n + 1), Int32Array.of(rows));
      const whole = gpu.logits(vocabulary);
      worst = Math.max(worst, difference(decoded.subarray(0, vocabulary), whole));
    }
    console.log(`${what}: ${worst.toExponential(2)}`);
    assert.ok(worst <= 3e-2, `the logits differ by ${worst}`);

    const again = (): Float32Array => {
      gpu.decode(
        prompt.slice(0, rows),
        new Int32Array(rows).fill(0).map((_, i) => (i === 0 ? 0 : -1)),
        new Int32Array(rows).fill(299),
      );
      return gpu.logits(rows * vocabulary);
    };
    const first = again();
    for (let round = 0; round < 5; round++) assert.equal(again(), first);
    // Rows without a request are row 0 all the way.
    for (let row = 1; row < rows; row++)
      assert.equal(first.subarray(row * vocabulary, (row + 1) * vocabulary), first.subarray(0, vocabulary));
    gpu.close();
  });

/** ‖a − b‖ / ‖b‖ */
function difference(a: Float32Array, b: Float32Array): number {
  let [apart, norm] = [0, 0];
  b.forEach((x, i) => {
    apart += (a[i]! - x) ** 2;
    norm += x * x;
  });
  return Number.isFinite(apart) ? Math.sqrt(apart / norm) : Number.POSITIVE_INFINITY;
}

test.run();
