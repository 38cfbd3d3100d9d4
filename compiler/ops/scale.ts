import { pointwise } from "./pointwise.js";

export const scale = pointwise({
  name: "scale",
  formula: "y = x · by",
  operands: ["x"],
  at: ([x], { by }) => x! * (by as number),
  c: ([x], { by }) => `${x} * real(${by})`,
  gradient: (dy, _, __, emit, attrs) => [emit("scale", [dy], attrs)],
  attrs: { by: -1.75 },
});
