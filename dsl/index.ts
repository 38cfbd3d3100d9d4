/** The language: everything `import { … } from "mlac"` gives. Standard blocks written in it are in "mlac/blocks". */
export * from "./block.js";
export * from "./ops.js";
export * from "./optimizer.js";
export * from "./pointwise.js";
export * from "./schedule.js";
export type { Data, Fusion, Optimizers, Path, Plan, Training } from "./train.js";
export { train } from "./train.js";
export type { Bias, Embedding, Gain, Router, Routing, Targets, Tensor, Tokens, Weight } from "./values.js";
