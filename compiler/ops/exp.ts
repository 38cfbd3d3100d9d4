import { pointwise } from "./pointwise.js";

export const exp = pointwise({
  name: "exp",
  formula: "y = eˣ",
  operands: ["x"],
  at: ([x]) => Math.exp(x!),
  c: ([x]) => `mlac::exp(${x})`,
  gradient: (dy, _, y, emit) => [emit("mul", [dy, y])],
});
