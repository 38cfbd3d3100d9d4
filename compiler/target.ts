/** The machines mlac compiles for, and the numbers that each computes with. */
import { fail } from "./diagnostics.js";

export type Target = "cpu" | "cuda";

/** What a model's real numbers are: float, double, or bfloat16 with float32 sums and float32 master weights. */
export type Real = "f32" | "f64" | "bf16";

/** What can be asked for: `auto` takes the GPU if this machine has one and can compile for it. */
export const targetNames = ["auto", "cpu", "cuda"] as const;
export type AskedTarget = (typeof targetNames)[number];

/** The first one is taken when nothing is asked for. */
export const realsOf: Readonly<Record<Target, readonly [Real, ...Real[]]>> = { cpu: ["f32", "f64"], cuda: ["bf16"] };

/** All that `--dtype` takes. */
export const realNames: readonly Real[] = Object.values(realsOf).flat();

/** What a target computes with. Errors: use/dtype. */
export function realFor(target: Target, asked?: Real): Real {
  if (asked === undefined) return realsOf[target][0];
  if (realsOf[target].includes(asked)) return asked;
  const other = target === "cpu" ? "cuda" : "cpu";
  return fail("use/dtype", `the ${target} target does not compute in ${asked}`, {
    help: `leave --dtype out (${realsOf[target].join(" or ")}), or take --target ${other}`,
  });
}

/**
 * What tensors are read, written and saved as: a bf16 model keeps its weights and the optimizer's state in float32. So a
 * checkpoint of one target goes on with the other.
 */
export const storedReal = (real: Real): "f32" | "f64" => (real === "f64" ? "f64" : "f32");
