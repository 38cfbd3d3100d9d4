/** What the elements of a value are called in emitted CUDA C++. */
import type { Value } from "../../ir.js";

export const cType = (v: Value): "bf16" | "float" | "int32_t" =>
  v.type.dtype === "i32" ? "int32_t" : v.type.dtype === "bf16" ? "bf16" : "float";

export const elementBytes = (v: Value): number => (v.type.dtype === "bf16" ? 2 : 4);
