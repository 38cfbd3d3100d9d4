/** How a parameter's optimizer state is cut into what one rank can own. */
import { matrixOf, product } from "../emit/access.js";
import type { Parameter } from "../ir.js";
import type { TrainedPart } from "../manifest.js";
import type { TrainingPlan } from "../plan.js";

/** Muon orthogonalises whole matrices; AdamW goes number by number, and is cut at rows. A vector is one row. */
export function trainedParts(parameters: readonly Parameter[], plan: TrainingPlan, realBytes: number): TrainedPart[] {
  return parameters
    .filter((p) => p.kind !== "state")
    .map((p) => {
      const rule = plan.optimizer[p.path]!;
      const slices = product(p.type.dims.slice(0, p.stacked));
      const all = product(p.type.dims) / slices;
      if (rule.is === "muon") {
        const { rows, columns, count } = matrixOf(p);
        const elements = rows * columns;
        // Read: gradient, momentum, weight. Written: momentum, weight.
        return {
          path: p.path,
          rule: "muon" as const,
          slices,
          units: count / slices,
          elements,
          flops: newtonSchulzFlops(rows, columns, rule.steps),
          bytes: 5 * realBytes * elements,
        };
      }
      const elements = p.type.dims.length > p.stacked ? p.type.dims[p.type.dims.length - 1]!.size : 1;
      // Read: gradient, both moments, weight. Written: moments, weight.
      return { path: p.path, rule: "adamw" as const, slices, units: all / elements, elements, flops: 0, bytes: 7 * realBytes * elements };
    });
}

/** Each step: X·Xᵀ, its square, and their sum times X, on the shorter side. */
function newtonSchulzFlops(rows: number, columns: number, steps: number): number {
  const [short, long] = [Math.min(rows, columns), Math.max(rows, columns)];
  return steps * (4 * short * short * long + 2 * short ** 3);
}
