/** NCCL with one rank, the whole way that several GPUs go: what it computes is what a process alone computes. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "../../compiler/build.js";
import { findLibrary } from "../../compiler/doctorCuda.js";
import { root } from "../../compiler/package.js";
import { ranksId, type SessionPlace } from "../../runtime/place.js";
import { Random } from "../../runtime/random.js";
import { openSession } from "../../runtime/session.js";
import { temporaryFolder } from "../temporary.js";
import { gpuTools } from "./gpu.js";

await gpuTools();

const out = process.env["MLAC_TEST_OUT"] ?? temporaryFolder();
const built = await build({
  model: join(root, "examples/tiny/model.ts"),
  target: "cuda",
  dtype: "bf16",
  fuse: {},
  set: {},
  out: join(out, "tiny"),
});
const library = process.env["MLAC_NCCL"] ?? (await findLibrary("libnccl.so"));
if (library === undefined) console.log("skipped: NVIDIA's NCCL is not installed (Debian, Ubuntu: libnccl2; pip: nvidia-nccl-cu12)");
const check = library === undefined ? test.skip : test;

/** Losses, norms, and the bits of all weights and optimizer state after some steps of three micro-steps. */
async function course(place?: SessionPlace): Promise<{ losses: number[]; norms: number[]; hash: string; gradients: string }> {
  const session = await openSession(built, place ? { place } : {});
  const random = new Random(9);
  const ids = (): Int32Array =>
    Int32Array.from({ length: session.batch * session.length }, () => Math.floor(session.vocabulary * random.next()));
  const hash = async (roles: readonly string[]): Promise<string> => {
    const sum = createHash("sha256");
    for (const { name, role } of session.tensors())
      if (roles.includes(role)) sum.update((place ? await session.collect(name, 0) : await session.read(name)) ?? "nothing");
    return sum.digest("hex");
  };
  try {
    await session.initialize(5);
    const losses: number[] = [];
    const norms: number[] = [];
    let gradients = "";
    for (let step = 1; step <= 4; step++) {
      for (let m = 0; m < 3; m++) losses.push((await session.microStep(ids(), ids(), 1 / 3, m === 0, m === 2)).loss);
      if (step === 1) gradients = await hash(["gradient"]);
      norms.push((await session.update(step, 1, 1)).norm);
    }
    if (place) {
      const traffic = await session.traffic();
      assert.is(traffic.bytes, 0, "one rank has nobody to send to");
      assert.ok(traffic.microStepSeconds >= 0 && traffic.updateSeconds >= 0);
      assert.is(session.where().waitsFor, "nothing");
      const values = Float64Array.of(1.5, 2);
      await session.sum(values);
      assert.equal([...values], [1.5, 2]);
    }
    return { losses, norms, gradients, hash: await hash(["parameter", "momentum", "moment1", "moment2"]) };
  } finally {
    await session.close();
  }
}

check("one rank over NCCL gives the losses, gradients, weights and optimizer state of a process alone", async () => {
  const alone = await course();
  const together = await course({ rank: 0, size: 1, id: await ranksId(built), timeout: 60 });
  assert.equal(together.losses.slice(0, 3), alone.losses.slice(0, 3));
  assert.is(together.gradients, alone.gradients);
  // The squares of the norm are added up in another order.
  for (const [i, norm] of together.norms.entries()) assert.ok(Math.abs(norm - alone.norms[i]!) <= 1e-5 * alone.norms[i]!);
  for (const [i, loss] of together.losses.entries()) assert.ok(Math.abs(loss - alone.losses[i]!) <= 1e-3);
  assert.is((await course({ rank: 0, size: 1, id: await ranksId(built), timeout: 60 })).hash, together.hash);
});

test.run();
