/** The same step again and again on the GPU: the same bits of all gradients, weights and optimizer state. */
import { createHash } from "node:crypto";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "../../compiler/build.js";
import { root } from "../../compiler/package.js";
import { Random } from "../../runtime/random.js";
import { openSession, type Session } from "../../runtime/session.js";
import { temporaryFolder } from "../temporary.js";
import { builds, gpuTools, title } from "./gpu.js";

await gpuTools();

const REPEATS = 40;
const out = process.env["MLAC_TEST_OUT"] ?? temporaryFolder();

/** Two micro-batches, one update, from the same beginning every time. */
async function step(session: Session): Promise<string> {
  const random = new Random(5);
  const ids = (): Int32Array =>
    Int32Array.from({ length: session.batch * session.length }, () => Math.floor(session.vocabulary * random.next()));
  await session.initialize(11);
  await session.resetOptimizer();
  const losses = [await session.microStep(ids(), ids(), 0.5, true), await session.microStep(ids(), ids(), 0.5, false)];
  const { norm } = await session.update(1, 1, 1);
  const hash = createHash("sha256").update(JSON.stringify({ losses, norm }));
  for (const { name } of session.tensors()) hash.update(await session.read(name));
  return hash.digest("hex");
}

for (const { fuse, set } of builds().filter((b) => b.fuse.moeOut !== "scatter"))
  test(`${REPEATS} repeats of a step give one hash with ${title(fuse)}`, async () => {
    const model = join(root, "examples/tiny/model.ts");
    const built = await build({ model, target: "cuda", dtype: "bf16", fuse, set, out: join(out, "tiny") });
    const hashes = new Set<string>();
    for (const opening of [0, 1]) {
      const session = await openSession(built);
      try {
        for (let i = opening; i < REPEATS; i += 2) hashes.add(await step(session));
      } finally {
        await session.close();
      }
    }
    assert.is(hashes.size, 1);
  });

test.run();
