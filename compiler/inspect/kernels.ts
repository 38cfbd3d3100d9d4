/** The kernels of a model as plain data. */
import type { Emission } from "../compile.js";
import { valueName } from "../emit/names.js";
import { elementsTouched } from "../emit/traffic.js";
import { names, type Op, type Value } from "../ir.js";
import type { Kernel, Step } from "../kernel.js";
import type { MemoryLayout } from "../passes/memory.js";
import { type KernelFacts, mainProgram, type Operand } from "./inspection.js";
import type { NumberedOps } from "./ops.js";

export interface Calls {
  kernel: Kernel;
  program: string;
  layout: MemoryLayout;
  /** How often it runs in a run of the program, by the loops around it. */
  times: number;
}

/** Every place that calls a kernel, by the kernel's name, in the order of the programs. */
export function callsOf({ made, layouts }: Emission): Map<string, Calls[]> {
  const found = new Map<string, Calls[]>();
  for (const { name, kernels } of made) {
    const layout = layouts.get(name)!;
    const visit = (steps: readonly Step[], times: number): void => {
      for (const step of steps) {
        if (step.is === "loop") visit(step.steps, times * step.op.loop!.count);
        else found.set(step.kernel.name, [...(found.get(step.kernel.name) ?? []), { kernel: step.kernel, program: name, layout, times }]);
      }
    };
    visit(kernels.steps, 1);
  }
  return found;
}

/** `bufferOf` gives the number of the buffer that a value lies in. */
export function kernelFacts(
  emitted: Emission,
  ops: NumberedOps,
  bufferOf: (v: Value, layout: MemoryLayout) => number | undefined,
): KernelFacts[] {
  const calls = callsOf(emitted);
  const texts = new Map(emitted.kernels.map(({ name, text }) => [name, text]));
  const lines = new Map(emitted.model.sources.map(({ file, text }) => [file, text.split("\n")]));
  return emitted.manifest.kernels.map((facts): KernelFacts => {
    const all = calls.get(facts.name)!;
    const [{ kernel, layout }] = all as [Calls, ...Calls[]];
    const operand = (v: Value): Operand => {
      const buffer = bufferOf(v, layout);
      return {
        name: valueName(v),
        dims: names(v.type),
        shape: v.type.dims.map((d) => d.size),
        dtype: v.type.dtype === "f32" && emitted.manifest.dtype === "f64" ? "f64" : v.type.dtype,
        bytes: elementsTouched(kernel, v) * emitted.backend.elementBytes(v),
        ...(buffer === undefined ? {} : { buffer }),
      };
    };
    const [inputs, outputs] = [kernel.inputs.map(operand), kernel.outputs.map(operand)];
    const numbers = [...new Set(all.flatMap((call) => call.kernel.ops))].map((op: Op) => ops.of(op));
    return {
      name: facts.name,
      file: facts.file,
      text: texts.get(facts.name)!,
      form: facts.form,
      programs: facts.programs,
      kinds: facts.ops,
      ops: numbers.map(({ id }) => id),
      lines: facts.lines.map((place) => {
        const [, file = "", line = "1"] = /^(.*):(\d+)$/.exec(place) ?? [];
        return { file, line: Number(line), text: (lines.get(file)?.[Number(line) - 1] ?? "").trim() };
      }),
      from: [...new Set(numbers.flatMap(({ places }) => places.map(({ file, line }) => `${file}:${line}`)))],
      inputs,
      outputs,
      bytesRead: bytes(inputs),
      bytesWritten: bytes(outputs),
      flops: facts.flops,
      launches: all.filter(({ program }) => program === mainProgram(emitted.made)).reduce((n, { times }) => n + times, 0),
    };
  });
}

const bytes = (operands: readonly Operand[]): number => operands.reduce((n, operand) => n + operand.bytes, 0);

/** Launches in a run of a program. */
export const launchesOf = (steps: readonly Step[], times = 1): number =>
  steps.reduce((n, step) => n + (step.is === "kernel" ? times : launchesOf(step.steps, times * step.op.loop!.count)), 0);
