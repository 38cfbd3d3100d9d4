import { pointwise } from "./pointwise.js";

export const mul = pointwise({
  name: "mul",
  formula: "y = a · b",
  operands: ["a", "b"],
  at: ([a, b]) => a! * b!,
  c: ([a, b]) => `${a} * ${b}`,
  gradient: (dy, [a, b], _, emit) => [emit("mul", [dy, b!]), emit("mul", [dy, a!])],
});
