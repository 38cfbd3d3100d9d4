/** What must hold of every program after the passes, on all examples and under every fusion choice. */
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { choiceNames, choicesOf, resolveChoices, resolveChoicesFor } from "../compiler/choices.js";
import { backendFor } from "../compiler/emit/backend.js";
import { emitModel } from "../compiler/emit/model.js";
import { placeResidents } from "../compiler/emit/tensors.js";
import { kernelsOf } from "../compiler/kernel.js";
import { type Lowered, lower } from "../compiler/lower/index.js";
import { root } from "../compiler/package.js";
import { makePrograms } from "../compiler/programs.js";

const examples = ["examples/tiny", "examples/dense", "examples/gqa", "examples/starter", "examples/speedrun"];
const models = new Map<string, Lowered>(examples.map((name) => [name, lower(join(root, name, "model.ts"))]));
models.set("nested stacks", lower(join(root, "test/lower/nested.ts")));

function emitted(model: Lowered, fuse: Record<string, string> = {}): ReturnType<typeof emitModel> {
  const choices = resolveChoices(fuse);
  const programs = makePrograms(model, choices); // verifies after each pass
  const backend = backendFor("cpu", "f32", model, choices);
  return emitModel(model, programs, placeResidents(model.parameters, model.plan, model.graph, backend.storage), backend);
}

for (const [name, model] of models)
  test(`${name}: no two buffers that are needed at the same time share a byte`, () => {
    const { layouts } = emitted(model);
    for (const [program, { buffers, bytes }] of layouts) {
      const live = buffers.filter((b) => b.to >= 0);
      for (const [i, a] of live.entries()) {
        assert.ok(a.offset + a.bytes <= bytes && a.offset % 64 === 0);
        for (const b of live.slice(i + 1)) {
          const together = a.from <= b.to && b.from <= a.to;
          const apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
          assert.ok(!together || apart, `${program}: ${a.name} and ${b.name}`);
        }
      }
    }
  });

for (const name of choiceNames)
  for (const value of [...choicesOf(name).values, ...(name === "crossEntropy" ? ["chunk:100"] : [])])
    test(`${name}=${value} gives programs that verify`, () => {
      for (const model of models.values()) emitted(model, { [name]: value });
    });

test("the number of kernels does not grow with the number of layers", () => {
  const kernels = (layers: string): number => emitted(lower(join(root, "test/fixture/model.ts"), { set: { layers } })).kernels.length;
  assert.is(kernels("3"), kernels("30"));
});

test("no program writes one value from two kernels, and every kernel's operands exist before it", () => {
  for (const model of models.values())
    for (const program of makePrograms(model, resolveChoices())) {
      const written = new Set<unknown>();
      for (const kernel of kernelsOf(program.kernels.steps))
        for (const v of kernel.outputs) {
          assert.not.ok(written.has(v));
          written.add(v);
        }
    }
});

test("recomputing keeps less memory, and rebuilding keys and values too", () => {
  const model = models.get("examples/speedrun")!;
  const bytes = (fuse: Record<string, string>): number => emitted(model, fuse).memory.total;
  const none = bytes({ recompute: "none" });
  const cheap = bytes({ recompute: "cheap" });
  const products = bytes({ recompute: "products" });
  const layer = bytes({ recompute: "layer" });
  assert.ok(layer < products && products < cheap && cheap < none, `${layer} ${products} ${cheap} ${none}`);
  assert.ok(bytes({ mla: "rebuild" }) < cheap);
  assert.ok(bytes({ crossEntropy: "chunk:512" }) < bytes({ crossEntropy: "full" }));
});

test("mla=latent makes gradients of the same values, in fewer kernels, without keys and values in the backward pass", () => {
  const model = models.get("examples/speedrun")!;
  const kinds = (mla: string): string[] => {
    const programs = makePrograms(model, resolveChoicesFor("cuda", { mla }), "cuda"); // verifies after each pass
    return [...kernelsOf(programs[0]!.kernels.steps)].flatMap((k) => (k.outputs.length > 0 ? k.ops.map((op) => op.kind) : []));
  };
  const [rebuilt, latent] = [kinds("rebuild"), kinds("latent")];
  const count = (list: readonly string[], kind: string): number => list.filter((k) => k === kind).length;
  assert.is(count(latent, "attentionGrad"), 0);
  assert.is(count(latent, "latentAttentionGrad"), count(rebuilt, "attentionGrad"));
  const inKernel = kinds("inkernel");
  assert.is(count(inKernel, "latentAttention"), count(rebuilt, "attention"));
  assert.is(count(inKernel, "concat") + count(inKernel, "attention"), 0);
  assert.is(count(latent, "concat") * 2, count(rebuilt, "concat"), "keys are put together in the forward pass only");
});

test("recompute=products computes attention once, layer twice", () => {
  const attentions = (recompute: string): number => {
    const programs = makePrograms(models.get("examples/speedrun")!, resolveChoices({ recompute }));
    const train = programs.find((program) => program.name === "train")!;
    return [...kernelsOf(train.kernels.steps)].filter((kernel) => kernel.ops.some((op) => op.kind === "attention")).length;
  };
  assert.is(attentions("products"), attentions("none"));
  assert.is(attentions("layer"), attentions("none") + 1); // the layers of the stack; the first one stands outside
});

test("what the program counts as memory is the sum of its kinds", () => {
  const { memory } = emitted(models.get("examples/tiny")!);
  assert.is(
    Object.values(memory.kinds).reduce((a, b) => a + b, 0),
    memory.total,
  );
});

test.run();
