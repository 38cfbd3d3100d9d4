/** update.cu: one optimizer step. Matrices of one shape go through Newton-Schulz as one batch, whatever parameters they belong to. */
import type { Lowered } from "../../lower/index.js";
import { matrixOf, product } from "../access.js";
import { render } from "../template.js";
import type { Residents } from "../tensors.js";
import type { UpdateText } from "../update.js";

interface MuonBatch {
  rows: number;
  columns: number;
  shape: "wide" | "tall";
  steps: number;
  matrices: number;
  atOnce: number;
  members: {
    /** Its number among the trained parameters. */
    trained: number;
    lr: string;
    momentumFactor: string;
    decay: string;
    path: string;
  }[];
}

/** sizeof(Gradients) of lib/optimizer.cuh, up to a multiple of 256. */
const gradientsBytes = 8448;

/** Enough matrices at once to fill any GPU; more would only take memory from the model. */
const mostWorkspace = 1.5 * 2 ** 30;
/** So many fit the grid of any launch. */
const mostAtOnce = 2 ** 15;

/** Bytes for each matrix: muon_workspace of lib/muon.cuh. */
function workspaceOf(rows: number, columns: number): number {
  const r = Math.ceil(rows / 8) * 8;
  const c = Math.ceil(columns / 8) * 8;
  return 2 * (2 * r * c + 2 * Math.min(r, c) ** 2) + 8 * 256 + 64;
}

/** As many as fit the workspace, in rounds of nearly the same size. */
function matricesAtOnce(rows: number, columns: number, count: number): number {
  const fit = Math.min(mostAtOnce, Math.max(1, Math.floor(mostWorkspace / workspaceOf(rows, columns))));
  return Math.ceil(count / Math.ceil(count / fit));
}

/** `base`: where the workspace begins, a multiple of 64. `muon`: plain or symmetric; gram is computed as symmetric. */
export function cudaUpdateText(model: Lowered, residents: Residents, options: { muon: string; base: number }): UpdateText {
  const trained = model.parameters.filter((p) => p.kind !== "state");
  const at = (role: "state" | "load", path: string): number => residents.of(role, path)!.buffer.offset;
  const batches = new Map<string, MuonBatch>();
  const adamw: object[] = [];
  for (const [index, p] of trained.entries()) {
    const rule = model.plan.optimizer[p.path]!;
    if (rule.is === "adamw") {
      const [beta1, beta2] = rule.betas;
      adamw.push({
        path: p.path,
        trained: index,
        lr: number(rule.lr),
        beta1: number(beta1),
        beta2: number(beta2),
        eps: number(rule.eps),
        decay: number(rule.weightDecay),
      });
      continue;
    }
    const { rows, columns, count } = matrixOf(p);
    const key = `${rows} ${columns} ${rule.steps}`;
    const shape = rows <= columns ? "wide" : "tall";
    const batch = batches.get(key) ?? { rows, columns, shape, steps: rule.steps, matrices: 0, atOnce: 0, members: [] };
    batches.set(key, batch);
    batch.matrices += count;
    batch.members.push({
      trained: index,
      lr: number(rule.lr),
      momentumFactor: number(rule.momentum),
      decay: number(rule.weightDecay),
      path: p.path,
    });
  }
  const biases = model.plan.expertBias.map(({ path, rate }) => {
    const p = model.parameters.find((q) => q.path === path)!;
    const experts = p.type.dims[p.type.dims.length - 1]!.size;
    return {
      path,
      rate: number(rate),
      layers: product(p.type.dims) / experts,
      experts,
      count: product(p.type.dims),
      bias: at("state", path),
      load: at("load", `loadSum.${path}`),
    };
  });
  // The largest first: between ranks their weights travel behind the products of the others.
  const list = [...batches.values()].sort((a, b) => b.matrices * b.rows * b.columns - a.matrices * a.rows * a.columns);
  for (const batch of list) batch.atOnce = matricesAtOnce(batch.rows, batch.columns, batch.matrices);
  const most = Math.max(0, ...list.map((b) => b.atOnce * workspaceOf(b.rows, b.columns)));
  const text = render("cuda", "update.cu", {
    batches: list,
    adamw,
    biases,
    how: options.muon === "plain" ? "plain" : "symmetric",
    workspace: options.base,
    muonWorkspace: options.base + gradientsBytes,
  });
  return { text, workspaceBytes: gradientsBytes + most };
}

/** A number that C++ reads as a double with the same bits. */
const number = (x: number): string => (Number.isInteger(x) ? `${x}.0` : String(x));
