import { pointwise } from "./pointwise.js";

export const sigmoid = pointwise({
  name: "sigmoid",
  formula: "y = 1 / (1 + e⁻ˣ)",
  operands: ["x"],
  at: ([x]) => logistic(x!),
  c: ([x]) => `mlac::sigmoid(${x})`,
  cost: 3,
  /** dy · y · (1 − y) */
  gradient(dy, _, y, emit) {
    const scaled = emit("mul", [dy, y]);
    return [emit("sub", [scaled, emit("mul", [scaled, y])])];
  },
});

/** 1 / (1 + e⁻ˣ) in float64. */
export const logistic = (x: number): number => 1 / (1 + Math.exp(-x));
