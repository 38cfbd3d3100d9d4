import { test } from "uvu";
import * as assert from "uvu/assert";
import { interpret } from "../compiler/interpret.js";
import { Builder, type Graph, type Loop, type Op, type Type, type Value } from "../compiler/ir.js";

const scalar: Type = { dims: [], dtype: "f32" };
const layers: Type = { dims: [{ name: "layers", size: 3 }], dtype: "f32" };

/** x ← x · w[i] + c for the three layers, keeping x · w[i] of each. */
function program(reverse: boolean): Graph {
  const builder = new Builder();
  const [x, c, w] = [builder.input("x", scalar), builder.input("c", scalar), builder.input("w", layers)] as const;
  const op: Op = { id: builder.fresh(), kind: "repeat", inputs: [x, w], attrs: {}, outputs: [], origins: [] };
  const value = (is: "carried" | "slice"): Value => ({ id: builder.fresh(), type: scalar, def: { is, op, index: 0 } });
  const [carried, slice] = [value("carried"), value("slice")];
  const { ops, result } = builder.within(() => {
    const product = builder.op("mul", [carried, slice], {}, [scalar], []).outputs[0]!;
    return { product, sum: builder.op("add", [product, c], {}, [scalar], []).outputs[0]! };
  });
  const loop: Loop = {
    count: 3,
    label: "layers",
    reverse,
    carried: [carried],
    slices: [slice],
    body: ops,
    yields: [result.sum],
    stacks: [result.product],
  };
  op.loop = loop;
  op.outputs = [scalar, layers].map((type, index) => ({ id: builder.fresh(), type, def: { is: "op", op, index } }));
  const twice = builder.within(() => builder.op("scale", [op.outputs[0]!], { by: 2 }, [scalar], [])).result;
  const outputs = [twice.outputs[0]!, op.outputs[1]!].map((v, i) => ({ is: "logits" as const, name: ["twice", "products"][i]!, value: v }));
  return { name: "test", inputs: [x, c, w], body: [op, twice], outputs };
}

const inputs = new Map([
  ["x", Float64Array.of(1)],
  ["c", Float64Array.of(10)],
  ["w", Float64Array.of(2, 3, 5)],
]);

test("a loop carries, slices, stacks, and sees values from outside", () => {
  const results = interpret(program(false), inputs);
  assert.equal(results.get("products"), Float64Array.of(2, 36, 230));
  assert.equal(results.get("twice"), Float64Array.of(480));
});

test("a reverse loop walks from the last slice to the first, and its stacks lie like its slices", () => {
  const results = interpret(program(true), inputs);
  assert.equal(results.get("products"), Float64Array.of(110, 45, 5));
  assert.equal(results.get("twice"), Float64Array.of(240));
});

test("a missing input and one of a wrong size are named", () => {
  assert.throws(() => interpret(program(false), new Map()), /needs the input x/);
  assert.throws(() => interpret(program(false), new Map([...inputs, ["w", Float64Array.of(1)]])), /input w has 1 elements, not 3/);
});

test.run();
