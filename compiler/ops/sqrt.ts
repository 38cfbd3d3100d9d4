import { pointwise } from "./pointwise.js";

export const sqrt = pointwise({
  name: "sqrt",
  formula: "y = √x, for x > 0",
  operands: ["x"],
  at: ([x]) => Math.sqrt(x!),
  c: ([x]) => `std::sqrt(${x})`,
  gradient: (dy, _, y, emit) => [emit("scale", [emit("div", [dy, y])], { by: 0.5 })],
  range: [0.1, 9],
});
