/** Several GPUs compute what one computes: losses, gradients, weights' and optimizer state's bits run after run. Where there is one GPU, nothing. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Built, build } from "../../compiler/build.js";
import { findGpus } from "../../compiler/gpu.js";
import { root } from "../../compiler/package.js";
import { ranksId } from "../../runtime/place.js";
import { type Course, course } from "../ranks/course.js";
import type { Work } from "../ranks/worker.js";
import { temporaryFolder } from "../temporary.js";
import { start } from "./processes.js";

const { gpus } = await findGpus();
const check = gpus.length > 1 ? test : test.skip;
if (gpus.length < 2) console.log(`skipped: ${gpus.length} GPU is here, and these tests take 2`);

const steps = 20;
const folder = temporaryFolder();
const directory = process.env["MLAC_TEST_BUILD"];
const built: Built | undefined = gpus.length < 2 ? undefined : await model();

async function model(): Promise<Built> {
  if (directory !== undefined)
    return {
      directory,
      manifest: JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")),
      library: join(directory, "model.so"),
      upToDate: true,
    };
  const file = join(root, "test/fixture/ranks.ts");
  return build({ model: file, target: "cuda", dtype: "bf16", fuse: {}, set: {}, out: join(folder, "ranks") });
}

async function onGpus(size: number, micro: number, name: string): Promise<Course> {
  const id = Buffer.from(await ranksId(built!)).toString("hex");
  const work: Work = { directory: built!.directory, runs: [{ steps, micro }], out: join(folder, name), id };
  const ended = await start(size, "worker.js", [JSON.stringify(work)]);
  assert.equal(
    ended.map(({ code }) => code),
    Array(size).fill(0),
  );
  return (JSON.parse(readFileSync(join(folder, name), "utf8")) as Course[])[0]!;
}

const distance = (a: readonly number[], b: readonly number[]): number =>
  Math.hypot(...a.map((x, i) => x - b[i]!)) / (Math.hypot(...b) || 1);

for (const size of [2, 4].filter((n) => n <= gpus.length))
  check(`${size} GPUs give the gradients and losses of one, and the same bits each time`, async () => {
    const alone = await course(built!, steps, 8);
    const found = await onGpus(size, 8, `${size}.json`);
    for (const [name, gradient] of Object.entries(found.gradients)) {
      const far = distance(gradient, alone.gradients[name]!);
      assert.ok(far <= 1e-5, `${name} is ${far} away`); // float32 sums of eight micro-batches, in another order
    }
    // Weights are rounded to bf16 in every step: what differs in the last bit of a float32 may differ in the last of a bf16.
    for (const [step, loss] of found.losses.entries())
      assert.ok(Math.abs(loss - alone.losses[step]!) <= 2e-3, `step ${step + 1}: ${loss}, alone ${alone.losses[step]}`);
    assert.ok(found.losses.at(-1)! < found.losses[0]! - 0.1);
    const again = await onGpus(size, 8, `${size}again.json`);
    assert.is(again.hash, found.hash);
    console.log(
      `${size} GPUs: losses at most ${Math.max(...found.losses.map((x, i) => Math.abs(x - alone.losses[i]!)))} from one GPU's, sent ${JSON.stringify(found.traffic)}`,
    );
  });

test.run();
