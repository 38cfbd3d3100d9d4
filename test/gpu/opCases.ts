/** Every op on its own samples as a CUDA kernel: a program of one op, through precision, fuse and the templates. */
import { kernelText } from "../../compiler/emit/kernelFile.js";
import { Builder, type Graph, type GraphOutput, type Value } from "../../compiler/ir.js";
import { type Kernel, kernelsOf } from "../../compiler/kernel.js";
import { ops } from "../../compiler/ops/index.js";
import type { OpSpec, Sample } from "../../compiler/ops/op.js";
import { fuse } from "../../compiler/passes/fuse.js";
import { gradientValues } from "../../compiler/passes/landing.js";
import { precision } from "../../compiler/passes/precision.js";
import type { DeviceKernel } from "../../compiler/verifyModel/device.js";

export interface OpCase extends DeviceKernel {
  /** "linear 2": the second sample. */
  title: string;
  spec: OpSpec;
  sample: Sample;
  kernel: Kernel;
  inputs: readonly Value[];
  outputs: readonly Value[];
  adds: (v: Value) => boolean;
  /** Its file's text in a namespace of its own, and what that includes. */
  text: string;
  includes: readonly string[];
  declaration: string;
}

/** Matrices that are float32 nevertheless, since what makes them keeps them so (passes/precision.ts): by op and operand. */
const exactOperands: Readonly<Record<string, readonly number[]>> = {
  route: [0],
  routeGrad: [0, 1, 4],
  dispatch: [3],
  combine: [3],
  pick: [0],
  sumColumns: [0],
  attentionGrad: [4],
  latentAttentionGrad: [7],
  linearCrossEntropyGrad: [4],
};

/** Results that are parameters' gradients wherever the compiler puts these ops: float32, and added to. */
const gradients: Readonly<Record<string, number>> = {
  linearGradW: 0,
  rmsnormGradGain: 0,
  latentAttentionGrad: 4,
  layernormGradGain: 0,
  sumRows: 0,
  lookupGrad: 0,
  linearCrossEntropyGrad: 1,
  linearCrossEntropyTrain: 2,
};

/** `family`: ops that stand for others have a kernel on Hopper only. */
export function opCases(family: "portable" | "Hopper"): OpCase[] {
  return [...ops.values()]
    .filter((spec) => family === "Hopper" || !spec.decompose)
    .flatMap((spec) => spec.samples.map((sample, i) => ({ spec, sample, title: `${spec.name} ${i + 1}` })))
    .map(({ spec, sample, title }, i) => opCase(spec, sample, title, i));
}

function opCase(spec: OpSpec, sample: Sample, title: string, index: number): OpCase {
  const builder = new Builder();
  const attrs = sample.attrs ?? {};
  const inputs = sample.args.map((a, i) => builder.input(`in${i}`, a.type));
  const types = spec.infer(
    sample.args.map((a) => a.type),
    attrs,
  );
  const { ops: body } = builder.within(() => builder.op(spec.name, inputs, attrs, types, []));
  const { outputs } = body[0]!;
  const leaves = outputs.map(
    (value, i) => ({ is: gradients[spec.name] === i ? "gradient" : "loss", name: `out${i}`, value }) as GraphOutput,
  );
  const graph = precision({ name: "case", inputs, body, outputs: leaves });
  inputs.forEach((v, i) => {
    const rows = v.type.dims.filter((_, d) => !v.type.dims[d + 1]?.ragged).length;
    const half = v.type.dtype === "bf16" || (v.type.dtype === "f32" && rows > 1 && !exactOperands[spec.name]?.includes(i));
    if (half) v.type = { ...v.type, dtype: "bf16" };
  });
  const kernel = onlyKernel(graph, title);
  const summed = gradientValues(graph);
  const adds = (v: Value): boolean => summed.has(v);
  const text = kernelText(kernel, { target: "cuda", sources: new Map(), accumulates: adds });
  const space = `case_${index}`;
  const run = `op_${index}`;
  const whole = text.finish(run, [kernel]);
  return {
    spec,
    sample,
    kernel,
    inputs,
    outputs,
    adds,
    call: `${space}::${run}`,
    name: run,
    title,
    params: text.params,
    arguments: [...kernel.inputs, ...kernel.outputs],
    tables: text.tables,
    workspaceBytes: text.workspaceBytes(4),
    includes: (whole.match(/^#include.*$/gm) ?? []).map((line) => line.replace("../lib/", "lib/")),
    text: whole.replace(/^#include.*$/gm, "").replaceAll("namespace mlac {", `namespace mlac::${space} {`),
    declaration: `namespace mlac::${space} { void ${run}(${text.params}); }`,
  };
}

function onlyKernel(graph: Graph, name: string): Kernel {
  const kernels = [...kernelsOf(fuse(graph, { norm: "own", swiglu: "own", moeIn: "gather", moeOut: "gatherSum", target: "cuda" }).steps)];
  if (kernels.length !== 1) throw new Error(`${name} is ${kernels.length} kernels, not one`);
  return kernels[0]!;
}

/** Files of so many cases each; those that include the same headers stand together. */
export function caseFiles(cases: readonly OpCase[], each = 12): string[] {
  const sorted = [...cases].sort((a, b) => (a.includes.join() < b.includes.join() ? -1 : a.includes.join() > b.includes.join() ? 1 : 0));
  const files: string[] = [];
  for (let from = 0; from < sorted.length; from += each) {
    const part = sorted.slice(from, from + each);
    const includes = [...new Set(part.flatMap((c) => c.includes))];
    files.push(`${[...includes, ...part.map((c) => c.text)].join("\n")}\n`);
  }
  return files;
}
