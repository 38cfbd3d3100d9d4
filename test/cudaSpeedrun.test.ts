/** The kernels of the model that is raced, for the GPU that it is raced on: they assemble, and none spills. */
import { join } from "node:path";
import { test } from "uvu";
import { emitAll } from "../compiler/compile.js";
import { nvccPath } from "../compiler/emit/nvcc.js";
import { root } from "../compiler/package.js";
import { assembleKernels, checkSpills } from "./assemble.js";
import { temporaryFolder } from "./temporary.js";

const nvcc = nvccPath();
if (nvcc === undefined) console.log("nvcc is not found: that speedrun's kernels do not spill is not tested");

const check = nvcc === undefined ? test.skip : test;
const flags = ["-gencode", "arch=compute_90a,code=sm_90a", "-DMLAC_HOPPER"];

async function assemble(fuse: Record<string, string>, only?: string): Promise<void> {
  const model = join(root, "examples/speedrun/model.ts");
  const emission = await emitAll({ model, target: "cuda", dtype: "bf16", fuse, set: {}, architecture: "sm_90a" });
  checkSpills(await assembleKernels(nvcc!, temporaryFolder(), emission, flags, only));
}

check("no kernel of speedrun spills on sm_90a", () => assemble({}));

check("nor does attention that makes its keys from the latent", () => assemble({ mla: "inkernel" }, "latentAttention"));

test.run();
