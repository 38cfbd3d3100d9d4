/** What the CUDA library cannot do, said before anything is compiled. */
import { fail } from "../../diagnostics.js";
import { type Dim, last, type Value } from "../../ir.js";
import type { Kernel } from "../../kernel.js";
import { spec } from "../../ops/index.js";

/** A head's tile has to fit a multiprocessor's registers and shared memory: lib/attention_tiles.cuh. */
const MOST_HEAD_WIDTH = 256;
/** Of experts; their offsets lie in shared memory: lib/tiles.cuh. */
const MOST_GROUPS = 256;

/** Errors: plan/limit, at the op's line. */
export function checkLimits(kernel: Kernel): void {
  for (const op of kernel.ops) {
    const spans = op.origins.slice(0, 1).flatMap((stack) => stack.slice(0, 1));
    const { form } = spec(op.kind);
    if (op.kind === "attention" || op.kind === "attentionGrad")
      for (const v of op.inputs.slice(0, 3)) {
        const { name, size } = last(v.type);
        if (size > MOST_HEAD_WIDTH)
          fail("plan/limit", `attention: a head is ${size} wide (${name}); on the cuda target it can be ${MOST_HEAD_WIDTH}`, {
            spans,
            help: `make ${name} smaller and have more heads, or take --target cpu`,
          });
      }
    if (op.kind.startsWith("latentAttention")) {
      const [, , k, v, rotary] = op.inputs as [Value, Value, Value, Value, Value];
      const [rank, , plain] = k.type.dims as [Dim, Dim, Dim];
      const wrong = [
        ...(rank.size % 64 === 0 ? [] : [`${rank.name} is ${rank.size}, and has to be a multiple of 64`]),
        ...[plain, last(v.type)]
          .filter((d) => d.size !== 64 && d.size !== 128)
          .map((d) => `${d.name} is ${d.size}, and has to be 64 or 128`),
        ...(last(rotary.type).size === 64 ? [] : [`${last(rotary.type).name} is ${last(rotary.type).size}, and has to be 64`]),
      ];
      if (wrong.length > 0)
        fail("plan/limit", `attention from the latent: ${wrong.join("; ")}`, { spans, help: "take --fuse mla=rebuild" });
    }
    if (form.is === "contraction" && form.describe(op).groups > MOST_GROUPS)
      fail("plan/limit", `${op.kind}: ${form.describe(op).groups} experts; on the cuda target there can be ${MOST_GROUPS}`, {
        spans,
        help: "have fewer and wider experts, or take --target cpu",
      });
  }
}
