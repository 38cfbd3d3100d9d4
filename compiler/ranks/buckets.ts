/**
 * Gradient buckets: which gradients are final after which kernel of a backward pass. Between ranks a bucket is sent as soon as it is full,
 * behind the kernels that are still to run.
 */
import type { Op, Parameter, Value } from "../ir.js";
import type { Kernel, KernelProgram, Step } from "../kernel.js";
import type { TrainedPart } from "../manifest.js";

/** `slices` of the parameter's slices become final in each round of the loops around. */
export interface BucketMember {
  path: string;
  /** The parameter's number among those that are trained. */
  trained: number;
  slices: number;
}

export interface Bucket {
  members: BucketMember[];
  /** The last kernel that adds to one of them, and the loops around it, the outermost first. */
  after: Kernel;
  loops: readonly Op[];
}

/** Once it holds so much, a bucket is sent: large enough to use a link well, small enough that little is left when the backward pass ends. */
const fullBytes = 32 * 2 ** 20;
/** Gradients are summed up in float32, or with `--dtype f64` in more. */
const gradientBytes = 4;

export function gradientBuckets(program: KernelProgram, trained: readonly TrainedPart[]): Bucket[] {
  const gradients = gradientsByValue(program);
  const number = new Map(trained.map(({ path }, i) => [path, i]));
  const buckets: Bucket[] = [];
  const visit = (steps: readonly Step[], loops: readonly Op[]): void => {
    const rounds = loops.reduce((n, op) => n * op.loop!.count, 1);
    let open: Bucket | undefined;
    let bytes = 0;
    const close = (): void => {
      if (open) buckets.push(open);
      open = undefined;
      bytes = 0;
    };
    for (const step of steps) {
      if (step.is === "loop") {
        close();
        visit(step.steps, [...loops, step.op]);
        continue;
      }
      for (const v of step.kernel.outputs) {
        const parameter = gradients.get(v);
        if (!parameter) continue;
        const index = number.get(parameter.path)!;
        const { slices, units, elements } = trained[index]!;
        if (slices % rounds !== 0) throw new Error(`${rounds} rounds make the gradients of ${slices} slices of ${parameter.path}`);
        open ??= { members: [], after: step.kernel, loops };
        open.members.push({ path: parameter.path, trained: index, slices: slices / rounds });
        open.after = step.kernel;
        bytes += (slices / rounds) * units * elements * gradientBytes;
      }
      if (bytes >= fullBytes) close();
    }
    close();
  };
  visit(program.steps, []);
  return buckets;
}

/** "layers: attn.q attn.out moe.gate", for people. */
export function describeBucket({ members, loops }: Bucket): string {
  const stack = loops.length === 0 ? "" : commonFolder(members.map((m) => m.path));
  const names = members.map((m) => m.path.slice(stack.length));
  return stack === "" ? names.join(" ") : `a layer of ${stack.slice(0, -1)}: ${names.join(" ")}`;
}

/** "layers." of layers.attn.q and layers.moe.gate. */
function commonFolder(paths: readonly string[]): string {
  let common = paths[0]!.slice(0, paths[0]!.lastIndexOf(".") + 1);
  while (!paths.every((path) => path.startsWith(common))) common = common.slice(0, common.lastIndexOf(".", common.length - 2) + 1);
  return common;
}

/** The values that kernels write gradients to, whole or a layer's. */
function gradientsByValue({ graph }: KernelProgram): Map<Value, Parameter> {
  const found = new Map<Value, Parameter>();
  for (const output of graph.outputs) {
    if (output.is !== "gradient") continue;
    let v = output.value;
    while (v.def.is === "op" && v.def.op.loop) v = v.def.op.loop.stacks[v.def.index - v.def.op.loop.carried.length]!;
    found.set(v, output.parameter);
  }
  return found;
}
