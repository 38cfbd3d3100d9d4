import { pointwise } from "./pointwise.js";

export const neg = pointwise({
  name: "neg",
  formula: "y = −x",
  operands: ["x"],
  at: ([x]) => -x!,
  c: ([x]) => `-${x}`,
  gradient: (dy, _, __, emit) => [emit("neg", [dy])],
});
