/** How many kernels a micro-step calls; and how many it would take with a launch for each expert and each slot of a token's choice. */
import type { Choices } from "../choices.js";
import type { Step } from "../kernel.js";
import type { Lowered } from "../lower/index.js";
import { spec } from "../ops/index.js";
import { makePrograms } from "../programs.js";
import type { Target } from "../target.js";
import { allOps } from "./small.js";

export interface Launches {
  kernels: number;
  /** Matrix products that are one per expert, all of them in one launch. */
  grouped: number;
  /** The same step, but each of these products launched for every expert and slot by itself. */
  ungrouped: number;
  experts: number;
  topK: number;
}

export function launchesOf(model: Lowered, choices: Choices, target: Target): Launches {
  const train = makePrograms(model, choices, target).find(({ name }) => name === "train")!;
  const topK = Math.max(1, ...[...allOps(model.graph.body)].map((op) => Number(op.attrs["topK"] ?? 0)));
  const found: Launches = { kernels: 0, grouped: 0, ungrouped: 0, experts: 1, topK };
  count(train.kernels.steps, 1, found);
  return found;
}

function count(steps: readonly Step[], times: number, found: Launches): void {
  for (const step of steps) {
    if (step.is === "loop") {
      count(step.steps, times * step.op.loop!.count, found);
      continue;
    }
    const products = step.kernel.anchors.flatMap((op) => {
      const { form } = spec(op.kind);
      return form.is === "contraction" ? [form.describe(op).groups] : [];
    });
    const grouped = products.filter((groups) => groups > 1);
    found.kernels += times;
    found.grouped += times * grouped.length;
    found.experts = Math.max(found.experts, ...grouped);
    found.ungrouped += times * (grouped.length === 0 ? 1 : grouped.reduce((n, groups) => n + groups * found.topK, 0));
  }
}
