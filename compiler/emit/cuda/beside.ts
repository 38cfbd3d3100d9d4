/** Kernels that are one launch although they have nothing to do with one another: each has blocks of its own. */
import type { Op, Value } from "../../ir.js";
import type { Kernel } from "../../kernel.js";
import { spec } from "../../ops/index.js";
import type { Table } from "../../ops/op.js";
import type { FormData, KernelContext } from "../kernelFile.js";
import { type Names, valueName } from "../names.js";
import { cudaContraction, epilogueFields } from "./contraction.js";
import { hostParameters, parameter } from "./parameters.js";
import { cudaRowKernel } from "./rows.js";

/** Products of few rows with one left operand, each with right operands and an epilogue of its own. */
export function productsBeside(kernel: Kernel, names: Names, { accumulates }: KernelContext): FormData {
  const texts = kernel.parts!.map((part) => ({ part, text: cudaContraction(part, names, accumulates) }));
  const [{ text: first }] = texts as [(typeof texts)[number]];
  const parts = texts.map(({ part, text }) => {
    const of = names.of(part.anchors[0]!.outputs[0]!);
    const [product] = text.products;
    return { grid: { ...text, of, ...epilogueFields(text) }, right: product!.b[0]!, columns: names.fresh(`columns_of_${of}`) };
  });
  const [{ k, a }] = first.products as [(typeof first.products)[number]];
  return {
    template: "productsBeside.cu",
    data: {
      parts,
      ...{ a: first.a, b: first.b, left: a, m: first.m, k, rows: first.few, norm: first.norm ?? "few::Plain{}" },
      products: texts.map(({ text }) => text.products[0]!.comment).join(", "),
      second: "contract_few.cuh",
    },
    tables: [],
    params: hostParameters(kernel, names, [], false),
    workspaceBytes: () => 0,
  };
}

/** Row loops, of which none sums up rows: a warp has a row. */
export function rowLoopsBeside(kernel: Kernel, names: Names, { accumulates }: KernelContext): FormData {
  const tables: Table[] = [];
  const parts = kernel.parts!.map((part) => {
    const name = names.fresh(`rows_of_${valueName(mainResult(part))}`);
    const row = cudaRowKernel(part, names, accumulates, tables);
    const used = tables.filter((t) => row.lines.concat(row.early).some((line) => new RegExp(`\\b${t.name}\\b`).test(line)));
    const room = row.shared.map((s) => s.columns).join(" + ") || "0";
    return { name, row, room, ...operandsOf(part, names, used) };
  });
  return {
    template: "rowsBeside.cu",
    data: { parts, second: "overlap.cuh", ...operandsOf(kernel, names, tables) },
    tables,
    params: hostParameters(kernel, names, tables, false),
    workspaceBytes: () => 0,
  };
}

/** The parameters of a function on the device, and what is passed for them. */
function operandsOf(kernel: Kernel, names: Names, tables: readonly Table[]): { deviceParams: string; arguments: string } {
  const values = [...kernel.inputs, ...kernel.outputs];
  return {
    deviceParams: [...values.map((v) => parameter(v, kernel, names)), ...tables.map((t) => `const float* ${t.name}`)].join(", "),
    arguments: [...values.map((v) => names.of(v)), ...tables.map((t) => t.name)].join(", "),
  };
}

/** What the model has a word for, or else what is computed last. */
function mainResult({ ops }: Kernel): Value {
  const results = ops.filter((op: Op) => spec(op.kind).form.is !== "own").map((op) => op.outputs[0]!);
  return results.find((v) => v.name !== undefined) ?? results.at(-1)!;
}
