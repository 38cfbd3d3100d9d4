/** The parameters of emitted functions. */
import type { Value } from "../../ir.js";
import type { Kernel } from "../../kernel.js";
import type { Table } from "../../ops/op.js";
import type { Names } from "../names.js";
import { cType } from "./types.js";

export const parameter = (v: Value, kernel: Kernel, names: Names): string =>
  `${kernel.outputs.includes(v) ? "" : "const "}${cType(v)}* ${names.of(v)}`;

/** Of the function that the host calls: stream, operands and results, tables, workspace. */
export function hostParameters(kernel: Kernel, names: Names, tables: readonly Table[], workspace: boolean): string {
  return [
    "cudaStream_t stream",
    ...[...kernel.inputs, ...kernel.outputs].map((v) => parameter(v, kernel, names)),
    ...tables.map((t) => `const float* ${t.name}`),
    ...(workspace ? ["char* workspace"] : []),
  ].join(", ");
}
