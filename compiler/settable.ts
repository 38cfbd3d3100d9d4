/** Which sizes of a model can be other ones: those that are written in it as numbers, and that go together with the rest. */
import type { BuildOptions } from "./build.js";
import { lowerModel } from "./compile.js";
import { MlacError } from "./diagnostics.js";

export interface Wish {
  name: string;
  size: number;
  wanted: number;
}

/** As much of it as the model takes, in this order, as `--set` would have it. */
export function settable(build: BuildOptions, wishes: readonly Wish[]): Record<string, string> {
  let set: Record<string, string> = {};
  for (const { name, size, wanted } of wishes) {
    if (wanted === size) continue;
    const more = { ...set, [name]: String(wanted) };
    try {
      lowerModel({ ...build, set: { ...build.set, ...more } });
      set = more;
    } catch (error) {
      if (!(error instanceof MlacError)) throw error;
    }
  }
  return set;
}
