/** Prefill and decode programs against the forward graph they come from, both through the ops' float64 references. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { resolveChoices, resolveChoicesFor } from "../compiler/choices.js";
import { MlacError } from "../compiler/diagnostics.js";
import type { Generation } from "../compiler/generation.js";
import { interpret } from "../compiler/interpret.js";
import { type Graph, size } from "../compiler/ir.js";
import { type Lowered, lower } from "../compiler/lower/index.js";
import { root } from "../compiler/package.js";
import { makeGenerating, makePrograms } from "../compiler/programs.js";
import type { Target } from "../compiler/target.js";
import { normal, uniform } from "./gradientCheck.js";
import { temporaryFolder } from "./temporary.js";

const small = { D: "16", H: "2", N: "4", R: "4", U: "3", C: "5", E: "4", F: "6", S: "8", W: "10", V: "20", B: "2", T: "12" };
const models: readonly [what: string, file: string, set: Record<string, string>, absorbs: boolean][] = [
  ["latent attention with norms of heads", "test/fixture/model.ts", small, true],
  ["with a query latent, sigmoid experts", "test/fixture/model.ts", { ...small, Q: "7", score: "sigmoid", scale: "2.5", S: "0" }, true],
  ["latent attention without norms of heads", "test/decode/latent.ts", {}, true],
  ["shared keys, stacks in stacks, keys without rotation", "test/decode/shared.ts", {}, true],
  ["grouped queries", "examples/gqa/model.ts", { B: "2", T: "12", V: "20", D: "16", A: "6", W: "10" }, false],
  ["plain attention, layernorm", "examples/dense/model.ts", { B: "2", T: "12", V: "20", D: "16", A: "6", W: "10" }, false],
];

type Data = Map<string, Float64Array>;

/** Runs a program; what it keeps is there for the next one. */
function step(graph: Graph, state: Data, ids: Record<string, readonly number[]>): Float64Array {
  const inputs = new Map([...state, ...Object.entries(ids).map(([name, list]) => [name, Float64Array.from(list)] as const)]);
  for (const v of graph.inputs) {
    const name = v.def.is === "input" ? v.def.name : "";
    if (!inputs.has(name)) inputs.set(name, new Float64Array(size(v.type)));
  }
  const results = interpret(graph, inputs);
  for (const [name, data] of results) if (name.startsWith("cache.")) state.set(name, data);
  return results.get("logits")!;
}

function programsOf(
  model: Lowered,
  mla: Generation["mla"],
  context: number,
  target: Target,
): { graphs: Record<string, Graph>; ways: string[] } {
  const made = makeGenerating(model, resolveChoicesFor(target), target, { rows: 4, sequences: 2, window: 5, slots: 3, context, mla });
  const graphs = Object.fromEntries(made.programs.map(({ name, kernels }) => [name, kernels.graph]));
  return { graphs, ways: made.attentions.map(({ way }) => way) };
}

const runs = models.flatMap(([what, file, set, absorbs]) =>
  (absorbs ? (["absorb", "materialize"] as const) : (["auto"] as const)).flatMap((mla) =>
    (["cpu", "cuda"] as const).map((target) => ({ what, file, set, mla, target })),
  ),
);
for (const { what, file, set, mla, target } of runs) {
  test(`${what}, ${mla}, ${target}: token by token is as all at once`, () => {
    const model = lower(join(root, file), { set });
    const [T, V] = [model.sizes.T!, model.sizes.V!];
    const next = uniform(7);
    const parameters: Data = new Map(
      model.parameters.map((p) => [
        p.path,
        normal(next, size(p.type)).map((x) => (p.kind === "gain" ? 1 + 0.3 * x : p.kind === "bias" ? x : 0.4 * x)),
      ]),
    );
    const texts = [0, 1, 2].map((k) => Array.from({ length: T }, (_, i) => (i * i * 7 + i * (3 + k) + k) % V));
    const predict = makePrograms(model, resolveChoices()).find(({ name }) => name === "predict")!.kernels.graph;
    const whole = (text: readonly number[], at: number): Float64Array =>
      step(predict, new Map(parameters), {
        tokens: Array.from({ length: model.sizes.B! }, () => text).flat(),
        at: Array(model.sizes.B!).fill(at) as number[],
      }).slice(0, V);

    const { graphs, ways } = programsOf(model, mla, T, target);
    assert.is(ways.includes("absorb"), mla === "absorb");
    const state: Data = new Map(parameters);
    const check = (logits: Float64Array, row: number, text: number, at: number): void => {
      const expected = whole(texts[text]!, at);
      const error = Math.max(...expected.map((x, v) => Math.abs(x - logits[row * V + v]!)));
      assert.ok(error < 1e-9, `text ${text} at ${at}: ${error}`);
    };
    // Text 0 begins with nothing, 1 with a full window, 2 with a shorter one; then all of them, two tokens of the last at a time.
    const begun = step(graphs.prefill!, state, {
      tokens: [...texts[1]!.slice(0, 5), ...texts[2]!.slice(0, 3), 0, 0],
      slot: [0, 1],
      position: [4, 2],
    });
    check(begun, 0, 1, 4);
    check(begun, 1, 2, 2);
    const at = [0, 5, 3];
    while (at[0]! < T) {
      const rows = [0, 1, 2, 2].flatMap((text) => (at[text]! < T ? [{ text, position: at[text]!++ }] : []));
      const padded = Array.from({ length: 4 }, (_, i) => rows[i] ?? { ...rows[0]!, idle: true });
      const logits = step(graphs.decode!, state, {
        tokens: padded.map(({ text, position }) => texts[text]![position]!),
        slot: padded.map((row) => ("idle" in row ? -1 : [2, 0, 1][row.text]!)),
        position: padded.map(({ position }) => position),
      });
      rows.forEach(({ text, position }, row) => void check(logits, row, text, position));
    }
  });
}

test("attention that sees later tokens is refused, at its line", () => {
  const file = join(temporaryFolder(), "model.ts");
  const text = readFileSync(join(root, "test/decode/latent.ts"), "utf8");
  writeFileSync(file, text.replace("causal: true", "causal: false"));
  const model = lower(file, { set: {} });
  const sizes = { rows: 2, sequences: 1, window: 4, slots: 2, context: 8, mla: "auto" } as const;
  try {
    makeGenerating(model, resolveChoices(), "cpu", sizes);
    assert.unreachable("it was not refused");
  } catch (error) {
    assert.instance(error, MlacError);
    const [diagnostic] = (error as MlacError).diagnostics;
    assert.is(diagnostic!.slug, "shape/mixes");
    assert.match(diagnostic!.message, "attention cannot go on token by token along T: its tokens see later ones");
    assert.is(diagnostic!.frames[0]?.span.line, text.slice(0, text.indexOf("= attention(")).split("\n").length);
  }
});

test("absorb is refused where there is nothing to absorb", () => {
  const model = lower(join(root, "examples/dense/model.ts"), { set: {} });
  const sizes = { rows: 2, sequences: 1, window: 4, slots: 2, context: 8, mla: "absorb" } as const;
  assert.throws(() => makeGenerating(model, resolveChoices(), "cpu", sizes), /no keys and values here that are products of one latent/);
});

test.run();
