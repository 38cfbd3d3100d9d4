/** Standard blocks, written in the language itself. To change one, copy its file next to model.ts and import that. */
export * from "./activations.js";
export * from "./attention.js";
export * from "./feedForward.js";
export * from "./layers.js";
export * from "./mla.js";
export * from "./moe.js";
