/** What the CUDA kernels cannot do is said before anything is compiled, at the model's line. No GPU and no nvcc are needed. */
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emitAll } from "../compiler/compile.js";
import { MlacError } from "../compiler/diagnostics.js";
import { root } from "../compiler/package.js";

async function refused(target: "cpu" | "cuda", set: Record<string, string>): Promise<string> {
  try {
    await emitAll({ model: join(root, "test/fixture/model.ts"), target, dtype: target === "cuda" ? "bf16" : "f32", fuse: {}, set });
    return "";
  } catch (error) {
    if (!(error instanceof MlacError)) throw error;
    const [{ slug, message, frames, help }] = error.diagnostics as [MlacError["diagnostics"][number]];
    assert.ok(help && frames.length > 0, "it says where, and what to do");
    return `${slug}: ${message}`;
  }
}

test("heads wider than a multiprocessor can hold", async () => {
  assert.match(
    await refused("cuda", { N: "256" }),
    /^plan\/limit: attention: a head is 264 wide \(N\+R\); on the cuda target it can be 256$/,
  );
  assert.is(await refused("cuda", { N: "248" }), "");
  assert.is(await refused("cpu", { N: "256" }), "");
});

test("more experts than their offsets have room for", async () => {
  assert.match(await refused("cuda", { E: "257" }), /^plan\/limit: linear\w*: 257 experts; on the cuda target there can be 256$/);
  assert.is(await refused("cuda", { E: "256" }), "");
});

test.run();
