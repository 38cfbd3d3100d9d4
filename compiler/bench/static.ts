/** What is known of each fusion choice on a target whose machine is not here: its plan, its kernels, their work. Nothing runs. */
import { type ChoiceName, choiceNames } from "../choices.js";
import { choicesFor } from "../compile.js";
import { MlacError } from "../diagnostics.js";
import type { Bench } from "./context.js";
import { launchesOf } from "./launches.js";
import { givesUpOrder, type Variant, valuesOf, variantOf } from "./variants.js";

export interface StaticRow {
  name: ChoiceName;
  choice: string;
  base: boolean;
  unordered: boolean;
  sameAs?: string;
  why?: string;
  planBytes?: number;
  /** Kernels that are called in a micro-step. */
  launches?: number;
  /** Kernels' files. */
  kernels?: number;
}

/** `bench` is of the target: its device need not be here. */
export function staticRows(bench: Bench, only: readonly ChoiceName[]): StaticRow[] {
  const { build, model, threads } = bench;
  const base = choicesFor(build, model);
  const tokens = model.graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!.type.dims.reduce((n, d) => n * d.size, 1);
  const known = new Map<string, Pick<StaticRow, "planBytes" | "launches" | "kernels">>();
  return choiceNames
    .filter((name) => only.length === 0 || only.includes(name))
    .flatMap((name) => {
      const first = new Map<string, string>();
      const values = valuesOf(name, build.target, tokens, base[name]);
      return [base[name], ...values.filter((value) => value !== base[name])].map((choice): StaticRow => {
        const row: StaticRow = { name, choice, base: choice === base[name], unordered: givesUpOrder(name, choice, build.target) };
        let variant: Variant;
        try {
          variant = variantOf(build, model, { ...base, [name]: choice }, threads);
        } catch (error) {
          if (!(error instanceof MlacError)) throw error;
          return { ...row, why: error.message.split("\n")[0] ?? "" };
        }
        const same = first.get(variant.key);
        if (same === undefined) first.set(variant.key, choice);
        else row.sameAs = same;
        const facts = known.get(variant.key) ?? {
          planBytes: variant.planBytes,
          launches: launchesOf(model, variant.choices, build.target).kernels,
          kernels: variant.manifest.kernels.filter(({ programs }) => programs.includes("train")).length,
        };
        known.set(variant.key, facts);
        return { ...row, ...facts };
      });
    });
}
