import { pointwise } from "./pointwise.js";

export const log = pointwise({
  name: "log",
  formula: "y = ln x, for x > 0",
  operands: ["x"],
  at: ([x]) => Math.log(x!),
  c: ([x]) => `mlac::log(${x})`,
  gradient: (dy, [x], _, emit) => [emit("div", [dy, x!])],
  range: [0.1, 9],
});
