/**
 * cuda, few rows: a product of experts asks for the weights of those that were chosen. It may do so before the launch ahead of it has ended, if
 * who was chosen is known from an earlier one: then the launch ahead says so to the device (few::Order of lib/contract_few_job.cuh).
 */
import type { Value } from "../ir.js";
import type { Kernel, KernelProgram, Step } from "../kernel.js";
import { fewRowsOf } from "./fewRows.js";
import { formOf } from "./groups.js";

/** Notes at each kernel how it stands to its neighbours. Between the rounds of a loop nothing is asked for early. */
export function askEarly(program: KernelProgram): KernelProgram {
  noteOrder(program.steps);
  return program;
}

function noteOrder(steps: readonly Step[]): void {
  for (const [i, step] of steps.entries()) {
    if (step.is === "loop") {
      noteOrder(step.steps);
      continue;
    }
    const ahead = steps[i - 1];
    const offsets = offsetsOf(step.kernel);
    if (!offsets || ahead?.is !== "kernel" || !isFew(ahead.kernel) || ahead.kernel.outputs.includes(offsets)) continue;
    step.kernel.order = { ...step.kernel.order, offsetsAreOld: true };
    ahead.kernel.order = { ...ahead.kernel.order, nextAsksEarly: true };
  }
}

const isFew = ({ form, anchors, parts }: Kernel): boolean =>
  form === "contraction" && !parts && anchors.every((op) => fewRowsOf(op) !== undefined);

/** Where the rows of each expert lie, for products of experts. */
function offsetsOf(kernel: Kernel): Value | undefined {
  const [op] = kernel.anchors;
  const form = op && formOf(op);
  if (form?.is !== "contraction" || !isFew(kernel)) return undefined;
  const { ragged } = form.describe(op!);
  return ragged && op!.inputs[ragged.offsets];
}
