import { pointwise } from "./pointwise.js";

export const div = pointwise({
  name: "div",
  formula: "y = a / b",
  operands: ["a", "b"],
  at: ([a, b]) => a! / b!,
  c: ([a, b]) => `${a} / ${b}`,
  gradient(dy, [, b], y, emit) {
    const da = emit("div", [dy, b!]);
    return [da, emit("neg", [emit("mul", [da, y])])];
  },
  range: [0.3, 3],
});
