/** How far a kernel's output is from what it should be, and how far it may be. */
import type { Value } from "../ir.js";
import type { Kernel } from "../kernel.js";
import type { Numbers } from "./numbers.js";

export interface Difference {
  /** ‖got − wanted‖ / ‖wanted‖; of integers, the share that differs. NaN where a number is not finite. */
  error: number;
  /** The largest |got − wanted| / (|wanted| + root mean square of wanted): one wrong number in a million shows here. */
  worst: number;
}

/** `start`: what was there before, where an output is added to. */
export function difference(got: Numbers, wanted: Numbers, start?: Numbers): Difference {
  if (got.length !== wanted.length) throw new Error(`verify: ${got.length} numbers to compare with ${wanted.length}`);
  if (wanted instanceof Int32Array) {
    let differ = 0;
    for (let i = 0; i < wanted.length; i++) if (got[i] !== wanted[i]) differ += 1;
    return { error: differ / Math.max(1, wanted.length), worst: 0 };
  }
  let squares = 0;
  let apart = 0;
  for (let i = 0; i < wanted.length; i++) {
    const d = got[i]! - (start ? start[i]! : 0) - wanted[i]!;
    squares += wanted[i]! ** 2;
    apart += d * d;
  }
  const size = Math.sqrt(squares / Math.max(1, wanted.length)) || 1;
  let worst = 0;
  for (let i = 0; i < wanted.length; i++) {
    const d = Math.abs(got[i]! - (start ? start[i]! : 0) - wanted[i]!) / (Math.abs(wanted[i]!) + size);
    if (!(d <= worst)) worst = d;
  }
  return { error: Math.sqrt(apart) / (Math.sqrt(squares) || 1), worst };
}

/**
 * The norm's limit. To round to bf16 moves a number by 2⁻⁹ of itself at most, so that a bf16 result whose kernel computes in float32 is
 * within 0.2 %. A row loop that reads back what it wrote has two roundings behind it, and differences of such numbers a little more.
 * Attention and the loss multiply probabilities and gradients that were rounded on the way; a norm's gain, where attention's gradients sum its
 * gradient, sums those.
 */
export function limitFor(kernel: Kernel, v: Value): number {
  if (v.type.dtype === "i32") return 0;
  const half = v.type.dtype === "bf16";
  if (kernel.ops.some((op) => op.kind === "latentAttentionGrad")) return 1e-2;
  if (kernel.ops.some((op) => /^(attention|latentAttention|linearCrossEntropy)/.test(op.kind))) return half ? 1e-2 : 5e-3;
  const readsBack = kernel.form === "rowwise" && kernel.outputs.some((o) => o.type.dtype === "bf16");
  return half ? 6e-3 : readsBack ? 4e-3 : 1e-3;
}

/** One number may be off by so many times the norm's limit: far more than rounding does, far less than a wrong element. */
export const WORST = 20;

export const isWrong = ({ error, worst }: Difference, limit: number): boolean => !(error <= limit && worst <= WORST * limit);
