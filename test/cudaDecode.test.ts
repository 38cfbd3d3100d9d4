/** Builds for CUDA that generate, as far as they go without a GPU: what is emitted, and that kernels assemble without spills. */
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Emission, emitAll } from "../compiler/compile.js";
import { nvccPath } from "../compiler/emit/nvcc.js";
import type { Generation } from "../compiler/generation.js";
import { kernelsOf } from "../compiler/kernel.js";
import { root } from "../compiler/package.js";
import type { Place } from "../compiler/passes/memory.js";
import { assembleKernels, checkSpills } from "./assemble.js";
import { temporaryFolder } from "./temporary.js";

const test = suite("cuda, decode");
const generate: Generation = { rows: 4, sequences: 1, window: 64, slots: 4, context: 8192, mla: "auto" };
const emit = (example: string, sizes: Partial<Generation> = {}, architecture = "sm_90a"): Promise<Emission> =>
  emitAll({
    model: join(root, "examples", example, "model.ts"),
    target: "cuda",
    dtype: "bf16",
    fuse: {},
    set: {},
    architecture,
    generate: { ...generate, ...sizes },
  });
const textOf = ({ kernels }: Emission, name: RegExp): string => kernels.find((k) => name.test(k.name))?.text ?? "";

for (const example of ["tiny", "dense", "gqa", "speedrun", "lite"])
  for (const mla of example === "dense" || example === "gqa" ? (["auto"] as const) : (["absorb", "materialize"] as const))
    for (const rows of [1, 64, 100])
      test(`${example}, ${mla}, ${rows} rows: emitted, and no two buffers that are needed at the same time share a byte`, async () => {
        for (const [program, { buffers }] of (await emit(example, { rows, slots: rows, mla })).layouts) {
          const live = buffers.filter((b) => b.to >= 0);
          for (const [i, a] of live.entries())
            for (const b of live.slice(i + 1)) {
              const together = a.from <= b.to && b.from <= a.to;
              assert.ok(
                !together || a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset,
                `${program}: ${a.name} and ${b.name}`,
              );
            }
        }
      });

test("of few rows every product of a step is one that reads each weight once; of many none is", async () => {
  const decode = ({ kernels }: Emission): string[] => kernels.filter((k) => k.name.startsWith("decode")).map((k) => k.text);
  for (const text of decode(await emit("lite", { rows: 64, slots: 64 }))) assert.not.match(text, /launched\(contract</);
  const many = decode(await emit("lite", { rows: 100, slots: 100 }));
  assert.ok(many.some((text) => /launched\(contract</.test(text)));
  for (const text of many) assert.not.match(text, /contract_few<Shape, 100>/);
});

test("what a token's scores are multiplied with is kept in float32, latent and rotary key in bf16", async () => {
  const { manifest } = await emit("lite");
  const caches = manifest.generation!.cache;
  assert.equal(
    caches.map(({ dtype }) => dtype),
    ["BF16", "BF16", "F32", "BF16", "BF16", "F32"],
  );
  // nine layers of a latent of 512, a rotary key of 64, and a factor for each of 16 heads
  assert.is(manifest.generation!.bytesPerToken, 9 * (2 * (512 + 64) + 4 * 16));
});

test("a part of a gain is read where it lies: no kernel copies it", async () => {
  const { made, layouts } = await emit("lite");
  const { pieces, steps } = made.find(({ name }) => name === "decode")!.kernels;
  assert.is(pieces.size, 2, "the rotary part of the keys' gain, in the first layer and in the loop");
  for (const [v, { of, offset }] of pieces) {
    const [place, whole] = [v, of].map((x) => layouts.get("decode")!.place(x)) as [Place, Place];
    assert.ok(place.is === "buffer" && whole.is === "buffer" && place.buffer === whole.buffer);
    assert.is(place.offset - whole.offset, 4 * offset);
    assert.ok([...kernelsOf(steps)].every(({ outputs }) => !outputs.includes(v)));
  }
});

test("rows that do not need one another are one launch, which stores what is kept", async () => {
  const { kernels, made } = await emit("lite");
  const rows = kernels.find(({ text }) => text.includes("namespace rows_of_q "))!.text;
  for (const name of ["rows_of_latent", "rows_of_rope"])
    assert.match(rows, new RegExp(`if \\(block < ${name}::BLOCKS\\)|  ${name}::compute`));
  assert.match(rows, /if \(cached >= 0\) store<true>\(latent(_\d)? \+ cached \* C \+ i/);
  const all = [...kernelsOf(made.find(({ name }) => name === "decode")!.kernels.steps)];
  assert.not.ok(all.some(({ form, ops }) => form === "own" && ops.some(({ kind }) => kind === "cacheWrite")));
  for (const { parts = [] } of all)
    for (const [i, part] of parts.entries())
      for (const other of parts.slice(i + 1))
        assert.not.ok(part.inputs.some((v) => other.outputs.includes(v)) || other.inputs.some((v) => part.outputs.includes(v)));
});

test("a step's kernels begin before the ones ahead of them have ended, and wait for what they read", async () => {
  const emission = await emit("lite");
  const rows = emission.kernels.filter((k) => k.name.startsWith("decode") && k.text.includes("row_kernel"));
  assert.ok(rows.length > 0);
  for (const { text } of rows) assert.match(text, /next_may_begin\(\);[\s\S]*inputs_ready\(\);[\s\S]*launch_overlapping/);
  assert.match(textOf(emission, /^prefill_.*rmsnorm$/), /row_kernel<<</);
});

const out = process.env["MLAC_TEST_OUT"] ?? temporaryFolder();
const nvcc = nvccPath();
const compiled = nvcc === undefined ? test.skip : test;
if (nvcc === undefined) console.log("nvcc is not found: that decoding's CUDA kernels compile is not tested");

compiled("lite's decode kernels assemble for sm_90a without spills", async () => {
  const targets = ["-gencode", "arch=compute_90a,code=sm_90a", "-DMLAC_HOPPER"];
  checkSpills(await assembleKernels(nvcc!, join(out, "lite"), await emit("lite"), targets, "decode"));
});
compiled("lite's decode kernels assemble for sm_80 without spills", async () => {
  const targets = ["-gencode", "arch=compute_80,code=sm_80"];
  checkSpills(await assembleKernels(nvcc!, join(out, "lite80"), await emit("lite", {}, "sm_80"), targets, "decode"));
});

test.run();
