/** When in a micro-step which gradients are final, by what its kernels compute and move: the model of scaling begins here. */
import type { Kernel, KernelProgram, Step } from "../kernel.js";
import type { GradientTimeline, TrainedPart } from "../manifest.js";
import { type Bucket, describeBucket } from "./buckets.js";

/** Rates for what is not measured: a large bf16 product and a large copy on an H200; what a server's processor does in float32. */
const rates = { cuda: { flops: 790e12, bytes: 4.2e12 }, cpu: { flops: 1e12, bytes: 1e11 } };

export interface TimelineContext {
  target: keyof typeof rates;
  trained: readonly TrainedPart[];
  realBytes: number;
  /** Of one call. */
  work(kernel: Kernel): { flops: number; bytes: number };
}

export function gradientTimeline(program: KernelProgram, buckets: readonly Bucket[], context: TimelineContext): GradientTimeline {
  const { flops, bytes } = rates[context.target];
  const final: GradientTimeline["buckets"] = [];
  let seconds = 0;
  const visit = (steps: readonly Step[]): void => {
    for (const step of steps) {
      if (step.is === "loop") {
        for (let round = 0; round < step.op.loop!.count; round++) visit(step.steps);
        continue;
      }
      const work = context.work(step.kernel);
      seconds += Math.max(work.flops / flops, work.bytes / bytes);
      for (const bucket of buckets)
        if (bucket.after === step.kernel) final.push({ name: describeBucket(bucket), bytes: bytesOf(bucket, context), done: seconds });
    }
  };
  visit(program.steps);
  return { seconds, buckets: final.map((b) => ({ ...b, done: b.done / seconds })) };
}

const bytesOf = ({ members }: Bucket, { trained, realBytes }: TimelineContext): number =>
  members.reduce((n, { trained: t, slices }) => n + slices * trained[t]!.units * trained[t]!.elements * realBytes, 0);
