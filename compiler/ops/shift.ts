import { pointwise } from "./pointwise.js";

export const shift = pointwise({
  name: "shift",
  formula: "y = x + by",
  operands: ["x"],
  at: ([x], { by }) => x! + (by as number),
  c: ([x], { by }) => `${x} + real(${by})`,
  gradient: (dy) => [dy],
  attrs: { by: 0.3 },
});
