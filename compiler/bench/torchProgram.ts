/** A model's forward graph as data for PyTorch: bench/torch/graph.py runs it. */
import { type Op, size, type Type, type Value } from "../ir.js";
import type { Lowered } from "../lower/index.js";
import type { Manifest } from "../manifest.js";
import type { GroupSettings } from "../plan.js";

export interface TorchProgram {
  parameters: TorchParameter[];
  tokens: number;
  targets: number;
  body: TorchOp[];
  loss: number;
  balance: number[];
  clip: number;
}

interface TorchParameter {
  id: number;
  kind: string;
  /** mlac's names, one a layer. */
  tensors: string[];
  stacked: boolean;
  /** What moves it; null for state. */
  settings: GroupSettings | null;
  /** Of one layer's tensor: matrices, and rows of each. */
  matrices: number;
  rows: number;
}

interface TorchOp {
  kind: string;
  inputs: number[];
  outputs: number[];
  attrs: Record<string, unknown>;
  /** Of the first result; of ragged rows the experts take no dimension. */
  shape: number[];
  loop?: { count: number; carried: number[]; slices: number[]; body: TorchOp[]; yields: number[]; stacks: number[] };
}

export function torchProgram({ graph, parameters, plan }: Lowered, manifest: Manifest): TorchProgram {
  const input = (name: string): number => graph.inputs.find((v) => v.def.is === "input" && v.def.name === name)!.id;
  const stored = manifest.tensors.filter(({ role }) => role === "parameter" || role === "state").map(({ name }) => name);
  return {
    parameters: graph.inputs.flatMap((v): TorchParameter[] => {
      const parameter = v.def.is === "input" ? v.def.parameter : undefined;
      if (!parameter) return [];
      const { path, kind, stacked, each, reads, type } = parameter;
      const own = type.dims.slice(stacked);
      const product = (dims: readonly { size: number }[]): number => dims.reduce((n, d) => n * d.size, 1);
      return [
        {
          id: v.id,
          kind,
          tensors: stored.filter((name) => name === path || (stacked > 0 && withoutLayers(name) === path)),
          stacked: stacked > 0,
          settings: parameters.includes(parameter) ? (plan.optimizer[path] ?? null) : null,
          matrices: product(own.slice(0, each)),
          rows: product(own.slice(each, each + reads)),
        },
      ];
    }),
    tokens: input("tokens"),
    targets: input("targets"),
    body: bodyOf(graph.body),
    loss: graph.outputs.find(({ is }) => is === "loss")!.value.id,
    balance: graph.outputs.filter(({ is }) => is === "balance").map(({ value }) => value.id),
    clip: plan.clip,
  };
}

const withoutLayers = (name: string): string => name.replace(/\.\d+(?=\.|$)/g, "");

const ids = (values: readonly Value[]): number[] => values.map(({ id }) => id);

/** Experts are chosen by float32 scores, here as there. */
function bodyOf(body: readonly Op[]): TorchOp[] {
  const scores = new Set(body.flatMap((op) => (op.kind === "route" ? op.inputs : [])));
  return body.map((op) => {
    const made = opOf(op);
    return op.kind === "linear" ? { ...made, attrs: { ...made.attrs, wide: scores.has(op.outputs[0]!) } } : made;
  });
}

function opOf(op: Op): TorchOp {
  const { kind, inputs, outputs, loop } = op;
  const type = outputs[0]!.type;
  return {
    kind,
    inputs: ids(inputs),
    outputs: ids(outputs),
    attrs: { ...op.attrs, ...placesOf(op) },
    shape: shapeOf(type),
    ...(loop
      ? {
          loop: {
            count: loop.count,
            carried: ids(loop.carried),
            slices: ids(loop.slices),
            body: bodyOf(loop.body),
            yields: ids(loop.yields),
            stacks: ids(loop.stacks),
          },
        }
      : {}),
  };
}

/** Dimensions have names here and numbers there. */
function placesOf({ kind, attrs, inputs }: Op): Record<string, unknown> {
  const dims = inputs[0]?.type.dims ?? [];
  if (kind === "rope") return { axis: dims.findIndex(({ name }) => name === attrs["along"]) };
  if (kind === "sumOver") return { axes: (attrs["over"] as readonly string[]).map((name) => dims.findIndex((d) => d.name === name)) };
  return {};
}

function shapeOf(type: Type): number[] {
  const ragged = type.dims[1]?.ragged === true;
  const sizes = type.dims.map((d) => d.size);
  return ragged ? sizes.slice(1) : size(type) === 1 && sizes.length === 0 ? [] : sizes;
}
