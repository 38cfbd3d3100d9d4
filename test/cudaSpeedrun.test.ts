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

(nvcc === undefined ? test.skip : test)("no kernel of speedrun spills on sm_90a", async () => {
  const model = join(root, "examples/speedrun/model.ts");
  const emission = await emitAll({ model, target: "cuda", dtype: "bf16", fuse: {}, set: {}, architecture: "sm_90a" });
  const flags = ["-gencode", "arch=compute_90a,code=sm_90a", "-DMLAC_HOPPER"];
  checkSpills(await assembleKernels(nvcc!, temporaryFolder(), emission, flags));
});

test.run();
