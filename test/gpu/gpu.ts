/** What the tests on a GPU share. */

import { type ChoiceName, choiceNames, choicesOf } from "../../compiler/choices.js";
import { fail } from "../../compiler/diagnostics.js";
import { type CudaTools, cudaTools } from "../../compiler/emit/cudaTools.js";
import { findGpus } from "../../compiler/gpu.js";

/** The GPU's tools. Errors: run/gpu, tool/*: a test that cannot run has failed. */
export async function gpuTools(): Promise<CudaTools> {
  const { gpus, reason } = await findGpus();
  if (gpus.length === 0)
    fail("run/gpu", `these tests run on an NVIDIA GPU: ${reason ?? "none is found"}`, { help: "`npm test` needs none" });
  return cudaTools();
}

/** What takes heads of other sizes than those of the small models and fixtures: see `builds`. */
const ofOtherSizes: Readonly<Partial<Record<ChoiceName, readonly string[]>>> = { mla: ["latent", "inkernel"] };

/** Sets of fusion choices that together take every choice of the CUDA target for small heads, the first being the automatic ones. */
export function choiceSets(): Partial<Record<ChoiceName, string>>[] {
  const values = new Map(
    choiceNames.map((name) => {
      const all = [...choicesOf(name, "cuda").values, ...(name === "crossEntropy" ? ["chunk:7"] : [])];
      return [name, all.filter((value) => !ofOtherSizes[name]?.includes(value))];
    }),
  );
  const sets = Math.max(...[...values.values()].map((list) => list.length));
  const taken = Array.from({ length: sets }, (_, i) =>
    Object.fromEntries([...values].map(([name, list]) => [name, list[i % list.length]!])),
  );
  return [{}, ...taken];
}

/** What examples/tiny is built with so that every choice of the CUDA target is taken, those for larger heads too. */
export const builds = (): { fuse: Partial<Record<ChoiceName, string>>; set: Record<string, string> }[] => [
  ...choiceSets().map((fuse) => ({ fuse, set: {} })),
  ...Object.entries(ofOtherSizes).flatMap(([name, values]) =>
    values.map((value) => ({ fuse: { [name]: value }, set: { N: "64", R: "64", U: "64" } })),
  ),
];

export const title = (fuse: Readonly<Record<string, string>>): string =>
  Object.entries(fuse)
    .map(([name, value]) => `${name}=${value}`)
    .join(" ") || "the automatic choices";
