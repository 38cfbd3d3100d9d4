import { pointwise } from "./pointwise.js";

export const sub = pointwise({
  name: "sub",
  formula: "y = a − b",
  operands: ["a", "b"],
  at: ([a, b]) => a! - b!,
  c: ([a, b]) => `${a} - ${b}`,
  gradient: (dy, _, __, emit) => [dy, emit("neg", [dy])],
});
