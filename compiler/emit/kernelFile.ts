/** The text of one kernel's file: what the reader needs first, then the template of its form. */
import { type Dim, type Op, type Span, showType, type Value } from "../ir.js";
import type { Kernel } from "../kernel.js";
import { spec } from "../ops/index.js";
import type { Table } from "../ops/op.js";
import type { Target } from "../target.js";
import { contractionKernel, type OperandText } from "./contraction.js";
import { cudaForm, cudaTaken } from "./cuda/kernel.js";
import { elementBytes } from "./cuda/types.js";
import { dimName, Names } from "./names.js";
import { ownText } from "./own.js";
import { rowKernel } from "./rows.js";
import { render } from "./template.js";
import { trafficBytes } from "./traffic.js";

export interface KernelText {
  /** With NAME_HERE in the place of the name, without comments about where it comes from: equal texts are one kernel. */
  body: string;
  params: string;
  /** Bytes of workspace, where a real number has so many. */
  workspaceBytes(realBytes: number): number;
  tables: readonly Table[];
  /** The final text, once it has a name and all the places that call it are known. */
  finish(name: string, kernels: readonly Kernel[]): string;
}

export interface KernelContext {
  target: Target;
  sources: ReadonlyMap<string, readonly string[]>;
  /** Outputs that are added to what is there: gradients. */
  accumulates(v: Value): boolean;
  /** Of a program with a token a row, whose products read weights only: its kernels are for few rows, and on a GPU begin before the last ones end. */
  fewRows?: boolean | undefined;
}

const NAME = "NAME_HERE";

/** Names that templates of forms of their own use inside. */
const templateLocals = [
  ..."ROWS RUNS TOP PART chunks chunk choice chosen counts d d_gate d_logits d_logits_columns dy experts factor from gate head head_rows hidden hidden_rows log_sum sum_of_losses".split(
    " ",
  ),
  ..."inner last logits losses mine most next out p place row rows run scale share shares sum sums target token top total wanted uneven weighted whole x_rows z".split(
    " ",
  ),
];

export function kernelText(kernel: Kernel, context: KernelContext): KernelText {
  const cuda = context.target === "cuda";
  const locals = cuda ? cudaTaken : kernel.form === "own" ? templateLocals : [];
  const names = new Names([...sizesOf(kernel).map((s) => s.name), ...locals]);
  for (const v of [...kernel.inputs, ...kernel.outputs]) names.of(v);
  const { template, data, workspaceBytes, tables, params } = (cuda ? cudaForm : cpuForm)(kernel, names, context);
  const write = (name: string, comment: readonly string[], constants: readonly Size[]): string =>
    tidy(render(context.target, template, { params, tables, lib: "", second: "", third: "", ...data, name, comment, constants }));
  // Only the sizes that the text speaks of.
  const bare = write(NAME, [], []);
  const constants = sizesOf(kernel).filter(({ name }) => new RegExp(`\\b${name}\\b`).test(bare));
  const text = (name: string, comment: readonly string[]): string => write(name, comment, constants);
  return {
    body: text(NAME, []),
    params,
    workspaceBytes,
    tables,
    finish: (name, kernels) => text(name, [...opening(name, kernels, context.sources), ...traffic(kernel, names, cuda)]),
  };
}

/** What a kernel's form gives to its template. */
export interface FormData {
  template: string;
  data: object;
  params: string;
  workspaceBytes(realBytes: number): number;
  tables: readonly Table[];
}

function cpuForm(kernel: Kernel, names: Names, { accumulates, fewRows = false }: KernelContext): FormData {
  const { template, data, workspaceReals, tables } = cpuFormData(kernel, names, accumulates, fewRows);
  return { template, data, tables, params: parameters(kernel, names, workspaceReals), workspaceBytes: (each) => workspaceReals * each };
}

function cpuFormData(
  kernel: Kernel,
  names: Names,
  accumulates: (v: Value) => boolean,
  fewRows: boolean,
): Pick<FormData, "template" | "data" | "tables"> & { workspaceReals: number } {
  if (kernel.form === "rowwise") {
    const row = rowKernel(kernel, names, accumulates);
    const sums = row.sums.map((s) => ({ ...s, adds: accumulates(s.value) }));
    return { template: "rowwise.cpp", data: { row: { ...row, sums } }, workspaceReals: 64 * row.partialReals, tables: row.tables };
  }
  if (kernel.form === "contraction")
    return { template: "contraction.cpp", data: contractionData(kernel, names, accumulates, fewRows), workspaceReals: 0, tables: [] };
  const [op] = kernel.anchors;
  const { fields, workspace } = ownText({ op: op!, names, adds: accumulates });
  const { form } = spec(op!.kind);
  if (form.is !== "own") throw new Error(`${op!.kind} has no template of its own`);
  const data = { args: op!.inputs.map((v) => names.of(v)), outs: op!.outputs.map((v) => names.of(v)), attrs: op!.attrs, own: fields };
  return { template: `${form.template}.cpp`, data, workspaceReals: workspace, tables: [] };
}

/** Rows that lib/few_rows.h is for: of a dense product, and of all experts together, who share them out. */
const FEW_ROWS = { dense: 16, ragged_m: 64, ragged_k: 0 } as const;

function contractionData(kernel: Kernel, names: Names, accumulates: (v: Value) => boolean, fewRows: boolean): object {
  const c = contractionKernel(kernel, names, accumulates);
  const few = fewRows && c.rows <= FEW_ROWS[c.kind] && c.products.every(({ b }) => b.every(({ along }) => along === "columns"));
  const operands: object[] = [];
  const fresh = (wanted: string): string => names.fresh(wanted);
  const products = c.products.map((p) => {
    const a = fresh("a");
    operands.push({ name: a, opens: openParameters(p.a), ...p.a });
    const bs = p.b.map((b) => {
      const name = fresh("b");
      operands.push({ name, opens: openParameters(b), ...b });
      return name;
    });
    return { accumulator: p.accumulator, k: p.k, operands: [a, ...bs].join(", ") };
  });
  const grid = { groups: c.groups, m: c.m, n: c.n, offsets: c.offsets, kind: c.kind };
  const sums = c.sums.map((s) => `const real* ${s}`).join(", ");
  const group = c.lines.some((line) => /\bgroup\b/.test(line)) ? "int64_t group" : "int64_t";
  const way = few ? { call: "contract_few", lib: "few_rows.h" } : { call: "contract", lib: "" };
  return { grid, operands, products, sums, group, lines: c.lines, accumulators: c.accumulators, ...way };
}

/** The parameters of an operand's opening function; those that it does not use have no name. */
function openParameters(operand: OperandText): string {
  const text = [operand.element, ...operand.scalars.flatMap((s) => s.lines)].join(" ");
  const used = { group: /\bgroup\b/.test(text), begin: operand.scalars.length > 0, end: operand.scalars.length > 0 };
  return Object.entries(used)
    .map(([name, is]) => (is ? `int64_t ${name}` : "int64_t"))
    .join(", ");
}

interface Size {
  name: string;
  value: string;
  note: string;
}

/** Every dimension that occurs, by its name. */
function sizesOf(kernel: Kernel): Size[] {
  const dims = new Map<string, Dim>();
  for (const op of kernel.ops) for (const v of [...op.inputs, ...op.outputs]) for (const d of v.type.dims) dims.set(d.name, d);
  return [...dims.values()].map((d) => ({
    name: dimName(d),
    value: String(d.size),
    note: d.name === dimName(d) ? (d.ragged ? "of all experts together" : "") : d.name,
  }));
}

const cType = (v: Value): string => (v.type.dtype === "i32" ? "int32_t" : "real");

function parameters(kernel: Kernel, names: Names, workspace: number): string {
  const inputs = kernel.inputs.map((v) => `const ${cType(v)}* ${names.of(v)}`);
  const outputs = kernel.outputs.map((v) => `${cType(v)}* __restrict ${names.of(v)}`);
  return [...inputs, ...outputs, ...(workspace > 0 ? ["real* __restrict workspace"] : [])].join(", ");
}

function opening(name: string, kernels: readonly Kernel[], sources: KernelContext["sources"]): string[] {
  const kinds = [...new Set(kernels[0]!.ops.map((op) => op.kind))].join(", ");
  return [
    `${name}: ${kinds}. Emitted by mlac: edit the model, not this file.`,
    ...quotes(
      kernels.flatMap((k) => k.ops),
      sources,
    ),
  ];
}

/** The model's lines that these ops come from, innermost calls first, each once. */
export function quotes(ops: readonly Op[], sources: KernelContext["sources"]): string[] {
  const spans = new Map<string, Span>();
  for (const op of ops)
    for (const stack of op.origins)
      for (const span of stack.slice(0, 1)) spans.set(`${span.file}:${String(span.line).padStart(6, "0")}`, span);
  return [...spans.entries()]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, s]) => `${s.file}:${s.line}   ${quote(sources.get(s.file)?.[s.line - 1] ?? "")}`);
}

/** One line of source as it may stand in a comment: no line may continue, no comment may end. */
const quote = (line: string): string =>
  line
    .trim()
    .replace(/[^\x20-\x7e\u00a0-\uffff]/g, " ")
    .replace(/\\+$/, "")
    .slice(0, 150);

function traffic(kernel: Kernel, names: Names, cuda: boolean): string[] {
  const list = (values: readonly Value[]): string => values.map((v) => `${names.of(v)} ${showType(v.type)}`).join(", ");
  const flops = kernel.ops.reduce((n, op) => n + spec(op.kind).flops(op), 0);
  const bytes = trafficBytes(kernel, cuda ? elementBytes : () => 4);
  return [
    `reads  ${list(kernel.inputs)}`,
    `writes ${list(kernel.outputs)}`,
    `${metric(flops)}FLOP, ${metric(bytes)}B${cuda ? "" : " in float32"}, ${(flops / bytes).toPrecision(2)} FLOP a byte`,
  ];
}

function metric(n: number): string {
  const units = ["", "k", "M", "G", "T"];
  let x = n;
  let unit = 0;
  while (x >= 1000 && unit < units.length - 1) {
    x /= 1000;
    unit += 1;
  }
  return `${x >= 100 || unit === 0 ? x.toFixed(0) : x.toFixed(1)} ${units[unit]}`;
}

/** No two blank lines in a row. */
const tidy = (text: string): string => text.replace(/\n{3,}/g, "\n\n");
