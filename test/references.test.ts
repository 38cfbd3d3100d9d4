/** References against numbers found by hand: a gradient check cannot see a formula that is wrong both ways. */
import { test } from "uvu";
import * as assert from "uvu/assert";
import { spec } from "../compiler/ops/index.js";
import { type Reference, tensor } from "../compiler/ops/op.js";
import { draw, evaluate, relativeError } from "./gradientCheck.js";

const real = (dims: string, sizes: Readonly<Record<string, number>>, ...data: number[]): Reference => ({
  type: tensor(dims, sizes),
  data: Float64Array.from(data),
});

test("attention: the first token sees itself alone, equal keys give the mean, a query head reads its group", () => {
  const sizes = { T: 2, H: 2, G: 1, A: 1, U: 1 };
  const q = real("T H A", sizes, 1, 2, 3, 4);
  const k = real("T G A", sizes, 5, 5);
  const v = real("T G U", sizes, 10, 30);
  const [out] = evaluate(spec("attention"), [q, k, v], { causal: true, scale: 1 });
  assert.ok(relativeError(out!, Float64Array.of(10, 10, 20, 20)) < 1e-12);
  const grouped = { T: 1, H: 4, G: 2, A: 1, U: 1 };
  const [each] = evaluate(
    spec("attention"),
    [real("T H A", grouped, 1, 2, 3, 4), real("T G A", grouped, 1, 1), real("T G U", grouped, 7, 9)],
    {
      causal: true,
      scale: 1,
    },
  );
  assert.equal(each, Float64Array.of(7, 7, 9, 9));
});

test("route: of equal scores the lower expert wins; the bias moves the choice and not the gates; rows are sorted", () => {
  const sizes = { T: 2, E: 3 };
  const attrs = { topK: 2, score: "sigmoid", scale: 3, aux: 1 };
  const logits = real("T E", sizes, 0, 0, 0, Math.log(3), 0, Math.log(1 / 3));
  const [gates, choice, slot, source, offsets, load, probabilities, balance] = evaluate(spec("route"), [logits], attrs);
  assert.equal(choice, Float64Array.of(0, 1, 0, 1));
  assert.ok(relativeError(probabilities!, Float64Array.of(0.5, 0.5, 0.5, 0.75, 0.5, 0.25)) < 1e-12);
  assert.ok(relativeError(gates!, Float64Array.of(1.5, 1.5, 1.8, 1.2)) < 1e-12);
  assert.equal(
    [slot, source, offsets, load],
    [
      [0, 2, 1, 3],
      [0, 2, 1, 3],
      [0, 2, 4, 4],
      [2, 2, 0],
    ].map((a) => Float64Array.from(a)),
  );
  // Shares are 1/3 each, then 1/2, 1/3, 1/6; E · (1/2 · 5/12 + 1/2 · 1/3).
  assert.ok(Math.abs(balance![0]! - 3 * (5 / 24 + 1 / 6)) < 1e-12);

  const [biasedGates, biased] = evaluate(spec("route"), [logits, real("E", sizes, -1, 0, 1)], attrs);
  assert.equal(biased, Float64Array.of(2, 1, 2, 1));
  assert.ok(relativeError(biasedGates!, Float64Array.of(1.5, 1.5, 1, 2)) < 1e-12);
});

test("rope: position 0 stays, lengths stay, and what q and k make together depends on their distance alone", () => {
  const sizes = { T: 6, R: 4 };
  const attrs = { along: "T", theta: 50, offset: 0, width: 4, inverse: false };
  const repeated = (...x: number[]): Reference => real("T R", sizes, ...Array.from({ length: 6 }, () => x).flat());
  const [q] = evaluate(spec("rope"), [repeated(1, 2, 3, 4)], attrs);
  const [k] = evaluate(spec("rope"), [repeated(-2, 0.5, 1, 3)], attrs);
  const product = (a: Float64Array, t: number, b: Float64Array, s: number): number =>
    [0, 1, 2, 3].reduce((sum, i) => sum + a[t * 4 + i]! * b[s * 4 + i]!, 0);
  assert.equal(q!.slice(0, 4), Float64Array.of(1, 2, 3, 4));
  assert.ok(Math.abs(product(q!, 5, q!, 5) - 30) < 1e-12);
  assert.ok(Math.abs(product(q!, 5, k!, 3) - product(q!, 2, k!, 0)) < 1e-12);
  assert.ok(Math.abs(product(q!, 5, k!, 3) - product(q!, 3, k!, 5)) > 0.1);
  // Pair (0, 2) turns by t radians, pair (1, 3) by t / sqrt(50).
  assert.ok(Math.abs(q![4]! - (Math.cos(1) - 3 * Math.sin(1))) < 1e-12);
  assert.ok(Math.abs(q![5]! - (2 * Math.cos(1 / Math.sqrt(50)) - 4 * Math.sin(1 / Math.sqrt(50)))) < 1e-12);
});

test("combine undoes dispatch where the gates add up to one, and each expert has its own matrix", () => {
  const [x, source, slot] = draw(spec("dispatch").samples[0]!, 6) as [Reference, Reference, Reference];
  const [rows] = evaluate(spec("dispatch"), [x, source, slot], spec("dispatch").samples[0]!.attrs);
  const gates = real("B T topK", { B: 2, T: 3, topK: 2 }, 0.25, 0.75, 1, 0, 0.5, 0.5, -1, 2, 0.1, 0.9, 0.3, 0.7);
  const rowsType = spec("dispatch").infer([x.type, source.type, slot.type], { topK: 2, experts: "E:4" })[0]!;
  const [back] = evaluate(spec("combine"), [{ type: rowsType, data: rows! }, slot, source, gates], { into: ["B:2", "T:3"] });
  assert.ok(relativeError(back!, x.data) < 1e-12);

  const grouped = spec("linear").samples[2]!;
  const [a, w, offsets] = draw(grouped, 8) as [Reference, Reference, Reference];
  const [y] = evaluate(spec("linear"), [a, w, offsets], grouped.attrs);
  const dense = (from: number, to: number, expert: number): Float64Array =>
    evaluate(
      spec("linear"),
      [
        real("T D", { T: to - from, D: 4 }, ...a.data.slice(from * 4, to * 4)),
        real("D F", { D: 4, F: 2 }, ...w.data.slice(expert * 8, expert * 8 + 8)),
      ],
      { reads: 1, each: 0 },
    )[0]!;
  assert.equal(y, Float64Array.from([...dense(0, 2, 0), ...dense(2, 6, 2)]));
});

test("linearCrossEntropy of equal logits is ln V", () => {
  const sizes = { T: 2, D: 1, V: 4 };
  const targets = { type: tensor("T", sizes, "i32"), data: Float64Array.of(3, 0) };
  const [loss, lse] = evaluate(spec("linearCrossEntropy"), [real("T D", sizes, 5, -5), real("V D", sizes, 0, 0, 0, 0), targets]);
  assert.ok(Math.abs(loss![0]! - Math.log(4)) < 1e-12);
  assert.equal(lse, Float64Array.of(Math.log(4), Math.log(4)));
});

test.run();
