import { pointwise } from "./pointwise.js";
import { logistic } from "./sigmoid.js";

/** Elfwing, Uchibe and Doya 2017, arXiv 1702.03118; also called swish. */
export const silu = pointwise({
  name: "silu",
  formula: "y = x · sigmoid(x)",
  operands: ["x"],
  at: ([x]) => x! * logistic(x!),
  c: ([x]) => `mlac::silu(${x})`,
  cost: 4,
  gradient: (dy, [x], _, emit) => [emit("siluGrad", [dy, x!])],
});

export const siluGrad = pointwise({
  name: "siluGrad",
  formula: "dx = dy · s · (1 + x · (1 − s)), s = sigmoid(x)",
  operands: ["dy", "x"],
  at: ([dy, x]) => dy! * siluSlope(x!),
  c: ([dy, x]) => `${dy} * mlac::silu_grad(${x})`,
  cost: 8,
});

/** The derivative of silu in float64. */
export function siluSlope(x: number): number {
  const s = logistic(x);
  return s * (1 + x * (1 - s));
}
