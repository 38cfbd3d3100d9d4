/** What the templates of a CUDA kernel's form need: its text's parts, its parameters, its workspace. */
import type { Type, Value } from "../../ir.js";
import type { Kernel } from "../../kernel.js";
import { spec } from "../../ops/index.js";
import type { FormData, KernelContext } from "../kernelFile.js";
import type { Names } from "../names.js";
import { productsBeside, rowLoopsBeside } from "./beside.js";
import { type BareEpilogue, cudaContraction, epilogueFields } from "./contraction.js";
import { normText } from "./fewRows.js";
import { checkLimits } from "./limits.js";
import { cudaOwnText } from "./own.js";
import { hostParameters, parameter } from "./parameters.js";
import { cudaRowKernel } from "./rows.js";

/** Names that the templates and the library use where a kernel's values have theirs. */
export const cudaTaken: readonly string[] = [
  // row kernels
  ..."stream workspace lane team c blocks partials STEP LANES Block row_kernel chunks Held sum_over_row max_over_row".split(" "),
  // products
  ..."products sums at choice bare extent epilogue token fetch Shape Epilogue Choice Extent Product Bare Kind Major Contraction".split(" "),
  ..."contract launched scatter ways_of ROW ROOM ROUNDED m n head".split(" "),
  // all
  ..."range Range Run RUN WARP bf16 real load store to_float from_float sum_of_lanes sum_of_blocks ceil_div room".split(" "),
  // forms of their own
  ..."begin rows chunk scale bias ALIGNED ADDS GATED SCALE AUX SIZES Score LossSizes choose_experts choose_experts_grad".split(" "),
  ..."sum_chosen_rows dot_chosen_rows copy_rows add_rows fill_with cross_entropy cross_entropy_and_gradients".split(" "),
  ..."cross_entropy_gradients logits_after attention_forward attention_backward pick_kernel".split(" "),
  ..."contract_few launch_overlapping inputs_ready next_may_begin choose_experts_of_few cache_write Kept kept".split(" "),
  ..."decode_attention decode_attention_latent linear_by_head logits_of_rows overlapping".split(" "),
  ..."few Normed Columns Plain left contract_few_side_by_side sum_of_chosen logits_of_rows block".split(" "),
  ..."eps latent_source LatentSource LatentGradients latent_gradients latent_attention_forward latent_attention_backward".split(" "),
];

/** Blocks at most that leave partial sums of rows: MOST_SUM_BLOCKS of lib/rows.cuh. */
const MOST_SUM_BLOCKS = 1056;

export function cudaForm(kernel: Kernel, names: Names, context: KernelContext): FormData {
  checkLimits(kernel);
  if (kernel.form === "rowwise" && kernel.parts) return rowLoopsBeside(kernel, names, context);
  if (kernel.form === "rowwise") return rowForm(kernel, names, context);
  if (kernel.form === "contraction" && kernel.parts) return productsBeside(kernel, names, context);
  if (kernel.form === "contraction") return contractionForm(kernel, names, context);
  const [op] = kernel.anchors;
  const { form } = spec(op!.kind);
  if (form.is !== "own") throw new Error(`${op!.kind} has no template of its own`);
  const types = (values: readonly Value[]): Type[] => values.map((v) => v.type);
  const tables = (form.tables?.(op!.attrs, types(op!.inputs), types(op!.outputs)) ?? []).map((t) => ({ ...t, name: names.fresh(t.name) }));
  const { fields, workspaceBytes } = cudaOwnText({ op: op!, names, tables, adds: context.accumulates, fewRows: context.fewRows });
  // What it normalises on the way is read as it is.
  const norm = kernel.ops.find((other) => other !== op);
  const args = op!.inputs.map((v) => names.of(norm?.outputs.includes(v) ? norm.inputs[0]! : v));
  const own = { ...fields, norm: norm ? normText(norm, names) : false };
  const data = { args, outs: op!.outputs.map((v) => names.of(v)), attrs: op!.attrs, own };
  return {
    template: `${form.template}.cu`,
    data,
    tables,
    params: hostParameters(kernel, names, tables, workspaceBytes > 0),
    workspaceBytes: () => workspaceBytes,
  };
}

function rowForm(kernel: Kernel, names: Names, { accumulates, fewRows }: KernelContext): FormData {
  const row = cudaRowKernel(kernel, names, accumulates);
  const sums = row.sums.map((s) => ({ ...s, adds: accumulates(s.value) }));
  const needsWorkspace = row.partialFloats > 0;
  const values = [...kernel.inputs, ...kernel.outputs.filter((v) => !row.sums.some((s) => s.value === v))];
  const device = [...values.map((v) => parameter(v, kernel, names)), ...row.tables.map((t) => `const float* ${t.name}`)];
  const passed = [...values.map((v) => names.of(v)), ...row.tables.map((t) => t.name)];
  return {
    template: "rowwise.cu",
    data: {
      row: { ...row, sums },
      runs: row.step === "RUN",
      overlaps: fewRows === true,
      second: fewRows ? "overlap.cuh" : "",
      deviceParams: [...device, ...(needsWorkspace ? ["float* workspace"] : [])].join(", "),
      arguments: [...passed, ...(needsWorkspace ? ["partials"] : [])].join(", "),
    },
    tables: row.tables,
    params: hostParameters(kernel, names, row.tables, needsWorkspace),
    workspaceBytes: () => 4 * MOST_SUM_BLOCKS * row.partialFloats,
  };
}

function contractionForm(kernel: Kernel, names: Names, { accumulates, fewRows }: KernelContext): FormData {
  const text = cudaContraction(kernel, names, accumulates);
  const few = fewRows ? text.few : undefined;
  if (text.norm && !few) throw new Error(`${kernel.name}: only products of few rows normalise their left operand`);
  const grid = few ? { ...text, bare: undefined } : text;
  const workspaceBytes = grid.bare ? libraryWorkspace(grid.bare) : 0;
  const tables = grid.row?.tables ?? [];
  return {
    template: "contraction.cu",
    data: {
      grid: {
        ...grid,
        few: few ?? null,
        fixed: few !== undefined || grid.row !== undefined,
        bare: grid.bare ?? null,
        norm: grid.norm ?? (kernel.order ? "few::Plain{}" : null),
        order: kernel.order ? orderText(kernel.order) : null,
        row: grid.row ?? null,
        of: null,
        ...epilogueFields(grid),
      },
      tables: tables.map((t) => t.name),
      second: few ? "contract_few.cuh" : grid.row ? "rows.cuh" : "",
      third: text.sumsChosen ? "combine.cuh" : "",
      workspaceBytes,
    },
    tables,
    params: hostParameters(kernel, names, tables, workspaceBytes > 0),
    workspaceBytes: () => workspaceBytes,
  };
}

const orderText = ({ offsetsAreOld = false, nextAsksEarly = false }: NonNullable<Kernel["order"]>): string =>
  `few::Order{/*offsets_are_old*/ ${offsetsAreOld}, /*next_asks_early*/ ${nextAsksEarly}}`;

/**
 * What cuBLASLt may use for a product: it is told so, and takes nothing else. 32 MiB is what NVIDIA recommends for Hopper
 * (https://docs.nvidia.com/cuda/cublas/#cublassetworkspace); eight float32 parts of the result are enough where it is small. Activations have so
 * many rows that nothing is gained by splitting k: a little is enough.
 */
const libraryWorkspace = ({ type, count }: BareEpilogue): number => Math.min((type === "float" ? 32 : 4) * 2 ** 20, 8 * 4 * count);
