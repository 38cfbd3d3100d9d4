import { pointwise } from "./pointwise.js";

export const tanh = pointwise({
  name: "tanh",
  formula: "y = tanh x",
  operands: ["x"],
  at: ([x]) => Math.tanh(x!),
  c: ([x]) => `mlac::tanh(${x})`,
  /** dy · (1 − y²) */
  gradient: (dy, _, y, emit) => [emit("sub", [dy, emit("mul", [dy, emit("square", [y])])])],
});
