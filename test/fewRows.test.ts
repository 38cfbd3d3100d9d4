/** cuda: what saves launches in a decode step, and that kernels are in an order in which they have what they read. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { resolveChoicesFor } from "../compiler/choices.js";
import { launchesOf } from "../compiler/inspect/kernels.js";
import type { Op, Value } from "../compiler/ir.js";
import { type Kernel, kernelsOf, type Step } from "../compiler/kernel.js";
import { lower } from "../compiler/lower/index.js";
import { root } from "../compiler/package.js";
import { makeGenerating, type Program } from "../compiler/programs.js";
import { temporaryFolder } from "./temporary.js";

const test = suite("few rows");

function decodeOf(file: string, rows = 1, fuse: Record<string, string> = {}, set: Record<string, string> = {}): Program["kernels"] {
  const sizes = { rows, slots: rows, sequences: 1, window: 64, context: 512, mla: "auto" } as const;
  const { programs } = makeGenerating(lower(resolve(root, file), { set }), resolveChoicesFor("cuda", fuse), "cuda", sizes);
  return programs.find(({ name }) => name === "decode")!.kernels;
}
const kindsOf = ({ ops }: Kernel): string[] => [...new Set(ops.map(({ kind }) => kind))];
const layerOf = ({ steps }: Program["kernels"]): Kernel[] =>
  steps.flatMap((step) => (step.is === "loop" ? [...kernelsOf(step.steps)] : []));
const atKind = (layer: readonly Kernel[], kind: string): number => layer.findIndex(({ ops }) => ops.some((op) => op.kind === kind));

for (const rows of [1, 16])
  test(`lite, ${rows} rows: a layer with experts is 13 launches`, () => {
    const program = decodeOf("examples/lite/model.ts", rows);
    const layer = layerOf(program);
    assert.is(layer.length, 13, layer.map(({ ops }) => kindsOf({ ops } as Kernel).join(" ")).join("\n"));
    assert.is(launchesOf(program.steps), 8 * 13 + 11);
    assert.not.ok(
      [...kernelsOf(program.steps)].some((kernel) => kindsOf(kernel).join() === "rmsnorm"),
      "no launch is a norm",
    );
  });

test("lite, 64 rows: norms are launches of their own, products still stand beside each other", () => {
  const program = decodeOf("examples/lite/model.ts", 64);
  const layer = layerOf(program);
  assert.is(layer.length, 16);
  assert.is(launchesOf(program.steps), 8 * 16 + 15);
  for (const kernel of layer) if (kernel.form === "contraction") assert.not.ok(kindsOf(kernel).includes("rmsnorm"));
  assert.ok(layer.some((kernel) => kernel.parts && kernel.form === "contraction"));
});

test("with more rows than products of few rows have, norms and products are launches of their own", () => {
  const layer = layerOf(decodeOf("examples/lite/model.ts", 100));
  for (const kernel of layer)
    if (kernel.form === "contraction") assert.not.ok(kernel.parts || kindsOf(kernel).includes("rmsnorm"), kindsOf(kernel).join());
  assert.ok(layer.some((kernel) => kindsOf(kernel).join() === "rmsnorm"));
});

test("rows that are gathered beforehand are normalised beforehand", () => {
  for (const kernel of layerOf(decodeOf("examples/lite/model.ts", 1, { moeIn: "gather" })))
    if (kernel.form === "contraction" && kernel.anchors.some(({ inputs }) => inputs.length > 2))
      assert.not.ok(kindsOf(kernel).includes("rmsnorm"));
});

test("a norm's factor is not put to sums that another product adds to", () => {
  const file = join(temporaryFolder(), "model.ts");
  const text = readFileSync(join(root, "test/decode/latent.ts"), "utf8")
    .replace('up: weight("D -> W")', 'side: weight("D -> D"),\n    up: weight("D -> W")')
    .replace("return add(z, linear(", "return add(linear(rmsnorm(z, p.norm), p.side), linear(");
  writeFileSync(file, text);
  const program = decodeOf(file, 2, {}, { D: "24", W: "16" });
  for (const { anchors, ops } of kernelsOf(program.steps))
    if (ops.some(({ kind }) => kind === "rmsnorm") && anchors[0]?.kind === "linear") assert.is(anchors.length, 1);
  assert.ok(program.decisions.some(({ verdict }) => verdict.is === "apart" && verdict.why === "normed"));
});

test("experts' weights are asked for early where the launch ahead does not choose them, and says so", () => {
  const layer = layerOf(decodeOf("examples/lite/model.ts"));
  const routed = atKind(layer, "dispatch");
  assert.equal(
    layer.slice(routed - 2, routed + 3).map(({ order }) => order),
    [undefined, { nextAsksEarly: true }, { offsetsAreOld: true, nextAsksEarly: true }, { offsetsAreOld: true }, undefined],
  );
  // Without shared experts the routing is directly ahead.
  const tight = layerOf(decodeOf("test/fixture/model.ts", 1, {}, { S: "0", E: "8", F: "16", D: "32" }));
  assert.is(tight[atKind(tight, "dispatch")]!.order?.offsetsAreOld, undefined);
});

test("the shared experts run between the routing and the experts that it chooses", () => {
  const layer = layerOf(decodeOf("examples/lite/model.ts"));
  const [route, experts] = [atKind(layer, "route"), atKind(layer, "dispatch")];
  assert.is(experts, route + 2);
  assert.ok(layer[route + 1]!.inputs.some((v) => v.def.is === "slice" && v.type.dims.some(({ name }) => name === "S")));
});

for (const file of [
  "examples/lite/model.ts",
  "examples/gqa/model.ts",
  "examples/dense/model.ts",
  "test/decode/latent.ts",
  "test/decode/shared.ts",
])
  for (const rows of [1, 4, 100])
    test(`${file}, ${rows} rows: kernels have what they read, parts of a launch need nothing of one another`, () => {
      const { steps, pieces, graph } = decodeOf(file, rows);
      const known = new Set<Value>(graph.inputs);
      const readable = (v: Value): boolean => known.has(v) || (pieces.has(v) && readable(pieces.get(v)!.of));
      const made = new Set<Op>();
      const run = (all: readonly Step[]): void => {
        for (const step of all) {
          if (step.is === "kernel") {
            const { inputs, outputs, ops, parts = [] } = step.kernel;
            for (const v of inputs) assert.ok(readable(v), `${kindsOf(step.kernel).join(" ")} reads what is not there`);
            for (const [i, part] of parts.entries())
              for (const v of part.inputs) assert.not.ok(parts.some((other, j) => i !== j && other.outputs.includes(v)));
            if (parts.length > 0) assert.equal(new Set(parts.flatMap((part) => part.outputs)), new Set(outputs));
            for (const v of outputs) known.add(v);
            for (const op of ops) made.add(op);
            continue;
          }
          const loop = step.op.loop!;
          for (const v of step.op.inputs) assert.ok(readable(v));
          for (const v of [...loop.carried, ...loop.slices]) known.add(v);
          run(step.steps);
          for (const v of [...loop.yields, ...loop.stacks]) assert.ok(readable(v));
          for (const v of step.op.outputs) known.add(v);
        }
      };
      run(steps);
      const check = (body: readonly Op[]): void => {
        for (const op of body) {
          if (op.loop) check(op.loop.body);
          else assert.ok(made.has(op) || pieces.has(op.outputs[0]!), `${op.kind} is computed nowhere`);
        }
      };
      check(graph.body);
    });

test.run();
