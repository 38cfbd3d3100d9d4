import { pointwise } from "./pointwise.js";
import { logistic } from "./sigmoid.js";
import { siluSlope } from "./silu.js";

/** Shazeer 2020, arXiv 2002.05202. */
export const swiglu = pointwise({
  name: "swiglu",
  formula: "y = silu(gate) · up",
  operands: ["gate", "up"],
  at: ([gate, up]) => gate! * logistic(gate!) * up!,
  c: ([gate, up]) => `mlac::silu(${gate}) * ${up}`,
  cost: 5,
  gradient: (dy, [gate, up], _, emit) => [emit("swigluGradGate", [dy, gate!, up!]), emit("swigluGradUp", [dy, gate!])],
});

export const swigluGradGate = pointwise({
  name: "swigluGradGate",
  formula: "dgate = dy · up · silu′(gate)",
  operands: ["dy", "gate", "up"],
  at: ([dy, gate, up]) => dy! * up! * siluSlope(gate!),
  c: ([dy, gate, up]) => `${dy} * ${up} * mlac::silu_grad(${gate})`,
  cost: 9,
});

export const swigluGradUp = pointwise({
  name: "swigluGradUp",
  formula: "dup = dy · silu(gate)",
  operands: ["dy", "gate"],
  at: ([dy, gate]) => dy! * gate! * logistic(gate!),
  c: ([dy, gate]) => `${dy} * mlac::silu(${gate})`,
  cost: 5,
});
