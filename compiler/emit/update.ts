/** update.cpp: one optimizer step. Matrices of one shape go through Newton-Schulz as one batch, whatever parameters they belong to. */
import type { Lowered } from "../lower/index.js";
import { matrixOf, product } from "./access.js";
import { render } from "./template.js";
import type { Residents } from "./tensors.js";

export interface UpdateText {
  text: string;
  workspaceBytes: number;
}

interface MuonBatch {
  rows: number;
  columns: number;
  steps: number;
  matrices: number;
  members: {
    /** Its number among the trained parameters. */
    trained: number;
    lr: string;
    momentumFactor: string;
    decay: string;
    path: string;
  }[];
}

/** Reals of workspace for `count` matrices of one size: muon_workspace of lib/muon.h. */
function workspaceReals(rows: number, columns: number, count: number): number {
  const gram = 2 * Math.min(rows, columns) ** 2;
  const each = Math.max(rows * columns, gram) * 2 + gram;
  const atOnce = Math.min(count, Math.min(8, Math.max(1, Math.floor(2 ** 23 / each))));
  return atOnce * each;
}

export function updateText(model: Lowered, residents: Residents, options: { muon: string; base: number; realBytes: number }): UpdateText {
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
    const key = `${Math.min(rows, columns)} ${Math.max(rows, columns)} ${rows} ${rule.steps}`;
    const batch = batches.get(key) ?? { rows, columns, steps: rule.steps, matrices: 0, members: [] };
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
  const most = Math.max(0, ...list.map((b) => workspaceReals(b.rows, b.columns, b.matrices)));
  const text = render("cpu", "update.cpp", { batches: list, adamw, biases, how: options.muon, workspace: options.base });
  return { text, workspaceBytes: most * options.realBytes };
}

/** A number that C++ reads as a double with the same bits. */
const number = (x: number): string => (Number.isInteger(x) ? `${x}.0` : String(x));
