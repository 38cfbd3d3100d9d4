import { test } from "uvu";
import * as assert from "uvu/assert";
import { sameDims, size, type Type } from "../compiler/ir.js";
import { ops, spec } from "../compiler/ops/index.js";
import { type Attrs, type OpSpec, type Reference, ShapeProblem, tensor } from "../compiler/ops/op.js";
import { backward, differences, draw, evaluate, normal, relativeError, uniform } from "./gradientCheck.js";

/** Ops without a rule: what gradients are made of, constants, and what only generating needs. */
// biome-ignore format: it is one list
const withoutRule = [
  "linearGradX", "linearGradW", "rmsnormGradX", "rmsnormGradGain", "layernormGradX", "layernormGradGain", "sumRows", "softmaxGrad",
  "siluGrad", "reluGrad", "swigluGradGate", "swigluGradUp", "pad", "fill", "attentionGrad", "latentAttention", "latentAttentionGrad", "routeGrad", "combineGradGates",
  "dotOfRuns", "sumColumns", "lookupGrad", "linearCrossEntropyGrad", "linearCrossEntropyTrain", "nextLogits",
  "cacheWrite", "cachedAttention", "latentCachedAttention", "linearByHead", "rstd",
];
/** Those of them that no rule makes: a pass does, or the programs that generate. */
// biome-ignore format: it is one list
const madeElsewhere = [
  "latentAttention", "latentAttentionGrad", "linearCrossEntropyTrain", "nextLogits",
  "cacheWrite", "cachedAttention", "latentCachedAttention", "linearByHead", "rstd",
];
/** Outputs that are kept for the backward pass only: nothing flows back into them. */
const auxiliary: Readonly<Record<string, readonly number[]>> = { attention: [1], linearCrossEntropy: [1], route: [6] };
/** Real inputs without a gradient: the update moves the expert bias by itself. */
const unmoved: Readonly<Record<string, readonly number[]>> = { route: [1] };

const tolerance = 1e-6;
const made = new Set<string>();

const seedOf = (name: string): number => [...name].reduce((h, c) => Math.imul(h, 31) + c.charCodeAt(0), 7);

/** The outputs that gradients come from. */
function differentiable(op: OpSpec, types: readonly Type[]): number[] {
  return types.flatMap((type, i) => (type.dtype === "i32" || auxiliary[op.name]?.includes(i) ? [] : [i]));
}

interface Checked {
  input: number;
  found: Float64Array;
  expected: Float64Array;
}

/** Both gradients of every real input, for one sample, with gradients coming from the outputs in `from`. */
function check(op: OpSpec, args: readonly Reference[], attrs: Attrs, types: readonly Type[], from: readonly number[]): Checked[] {
  const next = uniform(seedOf(op.name) + 1);
  const dOutputs = new Map(from.map((i) => [i, normal(next, size(types[i]!))]));
  const { body, results, data } = backward(op, args, attrs, dOutputs);
  for (const { kind } of body) made.add(kind);
  return args.flatMap(({ type }, input) => {
    if (type.dtype === "i32" || unmoved[op.name]?.includes(input)) {
      assert.is(results[input], undefined, `${op.name}: input ${input} has no gradient`);
      return [];
    }
    assert.ok(results[input], `${op.name}: input ${input} must have a gradient`);
    assert.ok(sameDims(results[input]!.type.dims, type.dims), `${op.name}: the gradient of input ${input} has its dimensions`);
    return [{ input, found: data[input]!, expected: differences(op, args, attrs, dOutputs, input) }];
  });
}

for (const op of ops.values()) {
  test(`${op.name}: the rule fits the reference on every sample`, () => {
    assert.ok(op.samples.length > 0);
    for (const [n, sample] of op.samples.entries()) {
      const args = draw(sample, seedOf(op.name) + n);
      const types = op.infer(
        args.map((a) => a.type),
        sample.attrs ?? {},
      );
      const outputs = op.reference(args, sample.attrs ?? {}, types);
      assert.is(outputs.length, types.length);
      types.forEach((type, i) => {
        assert.is(outputs[i]!.length, size(type), `output ${i}`);
        assert.ok(outputs[i]!.every(Number.isFinite), `output ${i} is finite`);
        if (type.dtype === "i32") assert.ok(outputs[i]!.every(Number.isInteger), `output ${i} holds integers`);
      });
      const again = op.reference(args, sample.attrs ?? {}, types);
      assert.equal(again, outputs, "the reference leaves its arguments alone");
    }
  });

  if (!op.gradient) continue;
  test(`${op.name}: the gradient is that of the reference`, () => {
    let caught = false;
    for (const [n, sample] of op.samples.entries()) {
      const attrs = sample.attrs ?? {};
      const args = draw(sample, seedOf(op.name) + n);
      const types = op.infer(
        args.map((a) => a.type),
        attrs,
      );
      const from = differentiable(op, types);
      // With gradients of all outputs, and of each alone: the others then count as zero.
      for (const outputs of from.length > 1 ? [from, ...from.map((i) => [i])] : [from]) {
        const checked = check(op, args, attrs, types, outputs);
        for (const { input, found, expected } of checked) {
          const error = relativeError(found, expected);
          assert.ok(error < tolerance, `sample ${n}, outputs ${outputs}, input ${input}: relative error ${error}`);
        }
        // The check itself: a gradient that is wrong by one part in ten thousand must not pass.
        caught ||= checked.every(
          ({ found, expected }) =>
            relativeError(
              found.map((v) => v * 1.0001),
              expected,
            ) > tolerance,
        );
      }
    }
    assert.ok(caught, "a wrong gradient would be caught");
  });
}

test("the ops without a gradient rule are exactly those that gradients are made of, and those that need none", () => {
  assert.equal(
    [...ops.values()]
      .filter((op) => !op.gradient)
      .map((op) => op.name)
      .sort(),
    [...withoutRule].sort(),
  );
  const unmade = withoutRule.filter((name) => !made.has(name) && !madeElsewhere.includes(name));
  assert.equal(unmade, [], "each is made by a rule that was checked");
});

test("a wrong rule is caught", () => {
  const right = spec("rmsnorm");
  const wrong: OpSpec = { ...right, gradient: ({ op, d, emit }) => [emit("mul", [d(0)!, op.inputs[0]!]), undefined] };
  const args = draw(right.samples[0]!, 3);
  const dOutputs = new Map([[0, normal(uniform(4), args[0]!.data.length)]]);
  const { data } = backward(wrong, args, right.samples[0]!.attrs!, dOutputs);
  assert.ok(relativeError(data[0]!, differences(right, args, right.samples[0]!.attrs!, dOutputs, 0)) > 0.1);
});

test("linearCrossEntropyTrain is linearCrossEntropy and its gradient", () => {
  const [x, w, targets, dLoss] = draw(spec("linearCrossEntropyTrain").samples[0]!, 5) as [Reference, Reference, Reference, Reference];
  const [loss, lse] = evaluate(spec("linearCrossEntropy"), [x, w, targets]);
  const lseArgument = { type: targets.type, data: lse! };
  const [dx, dw] = evaluate(spec("linearCrossEntropyGrad"), [
    dLoss,
    x,
    w,
    targets,
    { ...lseArgument, type: tensor("B T", { B: 2, T: 3 }) },
  ]);
  assert.equal(evaluate(spec("linearCrossEntropyTrain"), [x, w, targets, dLoss]), [loss, dx, dw]);
});

const sizes = { B: 2, T: 3, D: 4, H: 3, G: 2, A: 4, U: 5, R: 3, N: 2, E: 4, V: 7, "N+R": 5 };
const of = (dims: string): Type => tensor(dims, sizes);
const ids = tensor("B T", sizes, "i32");
const turn = { along: "T", theta: 10, offset: 0, width: 2, inverse: false };
const routing = { topK: 2, score: "softmax", scale: 1, aux: 0 };
const refused: readonly [kind: string, types: readonly Type[], attrs: Attrs, slug: string, sentence: string][] = [
  ["linear", [of("B T H U"), of("D H")], { reads: 1, each: 0 }, "shape/reads", "the weight reads [D]; x is [B T H U]"],
  [
    "linear",
    [of("B T D"), of("D T")],
    { reads: 1, each: 0 },
    "shape/twice",
    "x is [B T D], which already has the T that the weight writes",
  ],
  ["linear", [of("B T D"), of("E D U")], { reads: 1, each: 1 }, "shape/experts", "a matrix for each E; x is [B T D]"],
  ["linear", [of("E T D"), of("E D U")], { reads: 1, each: 1 }, "shape/experts", "takes rows that dispatch has sorted"],
  ["rmsnorm", [of("B T D"), of("H")], { eps: 1e-6 }, "shape/gain", "the gain is over [H]; x is [B T D], whose last dimension is D"],
  ["layernorm", [of("B T D"), of("D"), of("H")], { eps: 1e-6 }, "shape/bias", "the bias is over [H]"],
  ["add", [of("B T D"), of("B T")], {}, "shape/same", "a is [B T D] and b is [B T]"],
  ["swiglu", [of("T D"), ids], {}, "shape/integers", "up is [B T] of integers"],
  ["rope", [of("B T R")], { ...turn, along: "H" }, "shape/along", "x is [B T R], which has no H"],
  ["rope", [of("B T R")], { ...turn, width: 3 }, "shape/pairs", "R would turn 3 of them, which is not an even number"],
  ["rope", [of("B T R")], { ...turn, offset: 2 }, "shape/part", "R has 3 columns"],
  ["expand", [of("B T R")], { into: ["B:2", "T:3", "T:3", "R:3"] }, "shape/twice", "already has the T"],
  ["expand", [of("B T R")], { into: ["B:2", "H:3", "T:3", "R:3"] }, "shape/twice", "already has the T"],
  ["concat", [of("B T N"), of("B R")], {}, "shape/concat", "[B T N] and [B R] must differ in the last dimension only"],
  ["part", [of("B T N+R")], { offset: 3, dim: "R", size: 3 }, "shape/part", "R does not lie in the last dimension of [B T N+R]"],
  ["attention", [of("B T H A"), of("B T H U"), of("B T H U")], {}, "shape/attention", "q is [B T H A] and k is [B T H U]"],
  ["attention", [of("B T H A"), of("B T H A"), of("B T G U")], {}, "shape/attention", "k is [B T H A] and v is [B T G U]"],
  [
    "attention",
    [of("B T H A"), of("B T G A"), of("B T G U")],
    {},
    "shape/heads",
    "the 3 heads H of q cannot be shared out over the 2 heads G of k",
  ],
  ["route", [of("B T E")], { ...routing, topK: 5 }, "shape/topK", "topK is 5; of 4 experts (E)"],
  ["route", [of("B T E"), of("D")], routing, "shape/bias", "over [D]; the experts are E"],
  ["lookup", [of("V D"), of("B T")], {}, "shape/integers", "ids must be integers"],
  ["linearCrossEntropy", [of("B T D"), of("V U"), ids], {}, "shape/reads", "the embedding is [V U]; x is [B T D]"],
  ["linearCrossEntropy", [of("B D"), of("V D"), ids], {}, "shape/targets", "x is [B D]; the targets are [B T], not [B]"],
];

test("a shape that does not fit is refused with a sentence that names its dimensions", () => {
  for (const [kind, types, attrs, slug, sentence] of refused) {
    try {
      spec(kind).infer(types, attrs);
    } catch (problem) {
      if (!(problem instanceof ShapeProblem)) throw problem;
      assert.is(problem.slug, slug, problem.message);
      assert.ok(problem.message.includes(sentence), problem.message);
      continue;
    }
    assert.unreachable(`${kind} of ${types.map((t) => t.dims.map((d) => d.name).join(" ")).join(", ")} must be refused`);
  }
});

test.run();
