import { pointwise } from "./pointwise.js";

export const square = pointwise({
  name: "square",
  formula: "y = x²",
  operands: ["x"],
  at: ([x]) => x! * x!,
  c: ([x]) => `${x} * ${x}`,
  gradient: (dy, [x], _, emit) => [emit("scale", [emit("mul", [dy, x!])], { by: 2 })],
});
