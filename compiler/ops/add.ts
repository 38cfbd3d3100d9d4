import { pointwise } from "./pointwise.js";

export const add = pointwise({
  name: "add",
  formula: "y = a + b",
  operands: ["a", "b"],
  at: ([a, b]) => a! + b!,
  c: ([a, b]) => `${a} + ${b}`,
  gradient: (dy) => [dy, dy],
});
