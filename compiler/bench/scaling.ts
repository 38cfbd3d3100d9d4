/** How time and memory grow with one size of the model. */
import { choicesFor, lowerModel } from "../compile.js";
import { fail, MlacError } from "../diagnostics.js";
import { binary, fits } from "../memory.js";
import type { Bench } from "./context.js";
import { type Measured, measureAll } from "./measure.js";
import { variantOf } from "./variants.js";

export interface Growth {
  /** "T": what is set. */
  name: string;
  points: GrowthPoint[];
}

export interface GrowthPoint {
  value: string;
  tokens: number;
  planBytes?: number;
  measured?: Measured;
  tokensPerSecond?: number;
  why?: string;
}

/** "B=1,2,4". Errors: use/scaling. */
export function parseGrowth(text: string): { name: string; values: string[] } {
  const [, name = "", list = ""] = /^([^=]+)=(.+)$/.exec(text.trim()) ?? [];
  const values = list.split(",").map((value) => value.trim());
  if (name === "" || values.some((value) => !/^\d+$/.test(value) || Number(value) < 1))
    fail("use/scaling", `--scaling ${text}: it takes a size and whole numbers`, { help: "for example --scaling B=1,2,4,8" });
  return { name: name.trim(), values };
}

/** Errors: use/set if there is no such size; what is wrong with one value stands beside it. */
export async function scaling(bench: Bench, { name, values }: { name: string; values: readonly string[] }): Promise<Growth> {
  const points: GrowthPoint[] = [];
  for (const value of values) {
    if (bench.late()) break;
    points.push(await pointOf(bench, name, value));
  }
  return { name, points };
}

async function pointOf(bench: Bench, name: string, value: string): Promise<GrowthPoint> {
  const build = { ...bench.build, set: { ...bench.build.set, [name]: value } };
  let tokens = Number.NaN;
  try {
    const model = lowerModel(build);
    const dims = model.graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!.type.dims;
    tokens = dims.reduce((n, d) => n * d.size, 1);
    const variant = variantOf(build, model, choicesFor(build, model), bench.threads);
    const { planBytes } = variant;
    if (bench.room && !fits(variant.manifest.memory, bench.threads, bench.room))
      return { value, tokens, planBytes, why: `does not fit into ${binary(bench.room.bytes)}` };
    bench.note(`${name}=${value}`);
    const measured = (await measureAll({ ...bench, build, model }, "scaling", [variant])).get(variant)!;
    if ("failed" in measured) return { value, tokens, planBytes, why: measured.failed };
    return { value, tokens, planBytes, measured, tokensPerSecond: (1000 * tokens) / measured.step.median };
  } catch (error) {
    if (!(error instanceof MlacError) || error.diagnostics[0]?.slug === "use/set") throw error;
    return { value, tokens, why: error.message.split("\n")[0] ?? "" };
  }
}
