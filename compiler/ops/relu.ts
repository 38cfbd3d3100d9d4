import { pointwise } from "./pointwise.js";

export const relu = pointwise({
  name: "relu",
  formula: "y = max(x, 0)",
  operands: ["x"],
  at: ([x]) => Math.max(x!, 0),
  c: ([x]) => `std::max(${x}, real(0))`,
  gradient: (dy, [x], _, emit) => [emit("reluGrad", [dy, x!])],
});

export const reluGrad = pointwise({
  name: "reluGrad",
  formula: "dx = dy where x > 0, else 0",
  operands: ["dy", "x"],
  at: ([dy, x]) => (x! > 0 ? dy! : 0),
  c: ([dy, x]) => `${x} > real(0) ? ${dy} : real(0)`,
});
