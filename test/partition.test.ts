/** Who owns what of the optimizer's state: everything exactly once, in rank order, balanced, and the same each time. */
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emitAll } from "../compiler/compile.js";
import type { TrainedPart } from "../compiler/manifest.js";
import { root } from "../compiler/package.js";
import { flatBounds, ownedElements, partition, rankCosts } from "../compiler/ranks/partition.js";

const emitted = await emitAll({ model: join(root, "examples/tiny/model.ts"), target: "cpu", dtype: "f32", fuse: {}, set: {} });
const { trained, parameters } = emitted.manifest;

const part = (path: string, over: Partial<TrainedPart> = {}): TrainedPart => ({
  path,
  rule: "muon",
  slices: 1,
  units: 1,
  elements: 64,
  flops: 1000,
  bytes: 0,
  ...over,
});

test("every number of every trained parameter belongs to exactly one rank, whatever their number", () => {
  for (const size of [1, 2, 3, 4, 7, 8, 64]) {
    const bounds = partition(trained, size);
    for (const ends of bounds) {
      assert.is(ends.length, size + 1);
      assert.is(ends[0], 0);
      assert.ok(ends.every((end, i) => i === 0 || end >= ends[i - 1]!));
    }
    const owned = Array.from({ length: size }, (_, rank) => ownedElements(trained, bounds, rank));
    for (const [i, { path, slices, units, elements }] of trained.entries()) {
      assert.is(
        owned.reduce((n, own) => n + own[i]!, 0),
        slices * units * elements,
        path,
      );
      const numbers = parameters.find((p) => p.path === path)!.shape.reduce((a, b) => a * b, 1);
      assert.is(slices * units * elements, numbers, path);
    }
    assert.is(flatBounds(bounds).length, bounds.length * (size + 1));
  }
});

test("a unit is a matrix of Muon's or a row of AdamW's; a vector is one row", () => {
  const of = (path: string): object => {
    const { rule, slices, units, elements } = trained.find((t) => t.path === path)!;
    return { rule, slices, units, elements };
  };
  assert.equal(of("layers.moe.gate"), { rule: "muon", slices: 3, units: 8, elements: 128 * 64 });
  assert.equal(of("layers.attn.q"), { rule: "muon", slices: 3, units: 1, elements: 128 * 192 });
  assert.equal(of("embed"), { rule: "adamw", slices: 1, units: 256, elements: 128 });
  assert.equal(of("layers.attnNorm"), { rule: "adamw", slices: 3, units: 1, elements: 128 });
});

test("what does not divide goes to whoever has least to do, the costliest first", () => {
  const parts = [part("small", { flops: 10 }), part("large", { flops: 100 }), part("both", { units: 3, flops: 30 })];
  // large to rank 0; of `both` one each, and the one left over to rank 1; then rank 1 has 60 and rank 0 has 130: small to rank 1.
  assert.equal(partition(parts, 2), [
    [0, 0, 1],
    [0, 1, 1],
    [0, 1, 3],
  ]);
  assert.equal(partition(parts, 1), [
    [0, 1],
    [0, 1],
    [0, 3],
  ]);
});

test("many matrices of a few sizes are balanced to a few per cent, and always in the same way", () => {
  const parts = [
    part("layers.q", { slices: 24, flops: 4e9 }),
    part("layers.out", { slices: 24, flops: 3e9 }),
    part("layers.moe.gate", { slices: 24, units: 64, flops: 5e8 }),
    part("embed", { rule: "adamw", units: 50_304, elements: 1024, flops: 0, bytes: 28_672 }),
  ];
  for (const size of [2, 4, 8]) {
    const bounds = partition(parts, size);
    const costs = rankCosts(parts, bounds);
    const mean = costs.reduce((a, b) => a + b, 0) / size;
    assert.ok(Math.max(...costs) / mean < 1.05, `${size} ranks: ${costs.join(", ")}`);
    assert.equal(partition(parts, size), bounds);
  }
});

test.run();
