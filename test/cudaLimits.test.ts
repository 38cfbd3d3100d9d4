/** What the CUDA kernels cannot do is said before anything is compiled, at the model's line. No GPU and no nvcc are needed. */
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { BuildOptions } from "../compiler/build.js";
import { emitAll } from "../compiler/compile.js";
import { MlacError } from "../compiler/diagnostics.js";
import { root } from "../compiler/package.js";

async function refused(target: "cpu" | "cuda", set: Record<string, string>, more: Partial<BuildOptions> = {}): Promise<string> {
  try {
    const dtype = target === "cuda" ? "bf16" : "f32";
    await emitAll({ model: join(root, "test/fixture/model.ts"), target, dtype, fuse: {}, set, ...more });
    return "";
  } catch (error) {
    if (!(error instanceof MlacError)) throw error;
    const [{ slug, message, frames, help }] = error.diagnostics as [MlacError["diagnostics"][number]];
    assert.ok(help && (frames.length > 0 || slug === "use/fuse"), "it says where, and what to do");
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

const latent = { fuse: { mla: "latent" } };
const heads = { N: "64", R: "64", U: "128", C: "128" };

test("mla=latent takes heads that its kernel has tiles for, on Hopper", async () => {
  assert.is(await refused("cuda", heads, { ...latent, architecture: "sm_90a" }), "");
  assert.match(
    await refused("cuda", { ...heads, N: "32", R: "16", C: "100" }, latent),
    /^plan\/limit: attention from the latent: C is 100, and has to be a multiple of 64; N is 32, and has to be 64 or 128; R is 16, and has to be 64$/,
  );
  assert.match(
    await refused("cuda", heads, { ...latent, architecture: "sm_80" }),
    /^use\/fuse: mla=latent is for NVIDIA's Hopper \(sm_90a\)/,
  );
  assert.match(await refused("cpu", heads, latent), /^use\/fuse: mla=latent is not a choice of the cpu target/);
});

test("mla=latent without a latent", async () => {
  const model = join(root, "examples/gqa/model.ts");
  assert.match(await refused("cuda", {}, { ...latent, model }), /^use\/fuse: mla=latent: there are no keys here/);
});

test.run();
