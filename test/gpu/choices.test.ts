/** Needs a GPU: each way in which a matrix product can be computed gives the same step within rounding, and the same bits every time. */
import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { GpuModel } from "../../bench/gpuModel.js";
import { build } from "../../compiler/build.js";
import { root } from "../../compiler/package.js";
import { Random } from "../../runtime/random.js";
import { openSession } from "../../runtime/session.js";
import { choiceLines, parseMeasured } from "../../runtime/tuning.js";
import { temporaryFolder } from "../temporary.js";
import { gpuTools } from "./gpu.js";

await gpuTools();

const folder = join(process.env["MLAC_TEST_OUT"] ?? temporaryFolder(), "choices");
const built = await build({
  model: join(root, "examples/tiny/model.ts"),
  target: "cuda",
  dtype: "bf16",
  fuse: { moeOut: "gatherSum" },
  set: {},
  out: folder,
});
const { batch, length, vocabulary } = built.manifest.tokens;
const test = suite("choices");
const stored = (): string[] => readdirSync(folder).filter((name) => /^choices\..*\.json$/.test(name));
for (const name of stored()) rmSync(join(folder, name));

const random = new Random(3);
const ids = (): Int32Array => Int32Array.from({ length: batch * length }, () => Math.floor(random.next() * vocabulary));
const [tokens, targets] = [ids(), ids()];
const gradients = built.manifest.tensors.filter((t) => t.role === "gradient");

interface Step {
  loss: number;
  gradients: Map<string, Float32Array>;
}

function step(model: GpuModel): Step {
  const [loss] = model.microStep(tokens, targets);
  return { loss, gradients: new Map(gradients.map((t) => [t.name, model.read(t.name, t.bytes / 4)])) };
}

function difference(a: Float32Array, b: Float32Array): number {
  let [apart, norm] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    apart += (a[i]! - b[i]!) ** 2;
    norm += b[i]! ** 2;
  }
  return Math.sqrt(apart / Math.max(norm, 1e-30));
}

test("every way gives the same loss and gradients within rounding, and the same bits twice", () => {
  const model = new GpuModel(built.library);
  model.initialize(1);
  const kernels = parseMeasured(model.tune(tokens, targets, 1));
  model.setChoices("");
  const wanted = step(model);
  const ways = new Set(kernels.flatMap((k) => Object.keys(k.milliseconds)));
  assert.is(ways.has("cublaslt"), model.cublasLt() > 0);
  for (const way of ways) {
    const there = kernels.filter((k) => way in k.milliseconds).map((k) => ({ ...k, chosen: way }));
    model.setChoices(choiceLines({ kernels: there }));
    const found = step(model);
    assert.ok(Math.abs(found.loss - wanted.loss) < 1e-3, `${way}: loss ${found.loss}, not ${wanted.loss}`);
    for (const [name, gradient] of found.gradients) {
      const apart = difference(gradient, wanted.gradients.get(name)!);
      assert.ok(apart < 2e-2, `${way}: ${name} differs by ${apart.toExponential(1)}`);
    }
    const again = step(model);
    assert.is(again.loss, found.loss, `${way}: the loss has other bits the second time`);
    for (const [name, gradient] of again.gradients)
      assert.is(
        Buffer.compare(Buffer.from(gradient.buffer), Buffer.from(found.gradients.get(name)!.buffer)),
        0,
        `${way}: ${name} has other bits`,
      );
  }
  assert.throws(() => model.setChoices("none\twide\n"), /no contraction named none/);
  assert.throws(() => model.setChoices(`${kernels[0]!.kernel}\tsideways\n`), /cannot be computed in the way "sideways"/);
  model.close();
});

test("a session measures once; later ones take what is stored, and compute the same bits", async () => {
  const notes: string[] = [];
  const train = async (): Promise<[number, Uint8Array]> => {
    const session = await openSession(built);
    await session.initialize(1);
    await session.tune((text) => notes.push(text));
    let loss = 0;
    for (let n = 1; n <= 3; n++) {
      ({ loss } = await session.microStep(tokens, targets, 1, true));
      await session.update(n, 1, 1);
    }
    const weights = await session.read(built.manifest.tensors[0]!.name);
    await session.close();
    return [loss, weights];
  };
  const first = await train();
  assert.is(notes.length, 2);
  assert.is(stored().length, 1);
  assert.equal(await train(), first);
  assert.is(notes.length, 2);
});

test.run();
