/**
 * mla = latent, inkernel: attention's gradients make their keys and values from the latent themselves, and take the gradients back through the keys'
 * norm and rotation, so that neither ever lies in memory in the backward pass.
 *
 * Of `attentionGrad` and what stands around it (after `recompute`, so that keys and values are made in the backward pass)
 *
 *   k = rope(rmsnorm(concat(linear(latent, K), expand(rotary)), gain)), v = linear(latent, V)
 *   dq, dk, dv = attentionGrad(q, k, v, …);  dx, dgain = gradients of the norm of rope⁻¹(dk);  part(dx), part(dx)
 *
 * one op is made. mla = inkernel: the same of `attention` itself, so that keys and values lie in memory in no pass at all. Those made in another
 * way are left as they are.
 */
import { fail } from "../diagnostics.js";
import { type Builder, type Graph, last, type Op, type Value } from "../ir.js";
import { spec } from "../ops/index.js";
import { allOps, leaves, madeBy, replaceInGraph } from "./rewrite.js";

/** `forward`: attention too, not only its gradients. Errors: use/fuse, where there is nothing to be made. */
export function latentKeys(builder: Builder, graph: Graph, forward: boolean): Graph {
  const users = usersOf(graph);
  const bodies = [graph.body, ...[...allOps(graph.body)].flatMap((op) => (op.loop ? [op.loop.body] : []))];
  const replaced = new Map<Value, Value>();
  for (const body of bodies)
    for (const op of [...body]) {
      const found =
        op.kind === "attentionGrad" ? matchGradients(op, users) : forward && op.kind === "attention" ? matchForward(op) : undefined;
      if (!found) continue;
      const { kind, inputs, attrs, outputs, origins } = found;
      const types = spec(kind).infer(
        inputs.map((v) => v.type),
        attrs,
      );
      const { ops } = builder.within(() => builder.op(kind, inputs, attrs, types, origins));
      body.splice(body.indexOf(op), 0, ...ops); // the old ones are nobody's then, and `simplify` takes them out
      outputs.forEach((old, i) => void (old && replaced.set(old, ops[0]!.outputs[i]!)));
    }
  if (replaced.size === 0)
    fail("use/fuse", `mla=${forward ? "inkernel" : "latent"}: there are no keys here that it could make from a latent`, {
      help: "it takes the standard block mla, or one like it: k = rope(rmsnorm(concat(linear(latent, …), expand(…)), gain)), v = linear(latent, …)",
    });
  replaceInGraph(graph, replaced);
  return graph;
}

interface Match {
  kind: "latentAttention" | "latentAttentionGrad";
  inputs: Value[];
  attrs: Op["attrs"];
  /** The values that the new op's outputs stand for, in their order; undefined where nobody wants one. */
  outputs: (Value | undefined)[];
  origins: Op["origins"];
}

function matchForward(op: Op): Match | undefined {
  const keys = keysOf(op);
  if (!keys) return undefined;
  const { inputs, attrs, origins } = keys;
  return { kind: "latentAttention", inputs: [op.inputs[0]!, ...inputs], attrs, outputs: op.outputs, origins };
}

function matchGradients(op: Op, users: ReadonlyMap<Value, readonly Op[]>): Match | undefined {
  const keys = keysOf(op);
  if (!keys) return undefined;
  // What becomes of the keys' gradient: nothing but to be turned back and taken through the norm.
  const all = (value: Value | undefined): readonly Op[] => (value ? (users.get(value) ?? []) : []);
  const [back, ...others] = all(op.outputs[1]);
  if (back?.kind !== "rope" || others.length > 0 || back.attrs.inverse !== true) return undefined;
  const gradients = all(back.outputs[0]);
  const x = gradients.find((o) => o.kind === "rmsnormGradX");
  const gain = gradients.find((o) => o.kind === "rmsnormGradGain");
  if (gradients.length !== [x, gain].filter(Boolean).length || !x) return undefined;
  const pieces = all(x.outputs[0]);
  if (!pieces.every((o) => o.kind === "part")) return undefined;
  const piece = (offset: number, size: number): Op | undefined => pieces.find((o) => o.attrs.offset === offset && o.attrs.size === size);
  const plain = piece(0, keys.plain);
  const turned = piece(keys.plain, keys.rotary);
  if (pieces.length !== [plain, turned].filter(Boolean).length) return undefined;
  const [q, , , out, lse, dOut] = op.inputs as [Value, Value, Value, Value, Value, Value];
  return {
    kind: "latentAttentionGrad",
    inputs: [q, ...keys.inputs, out, lse, dOut],
    attrs: keys.attrs,
    outputs: [op.outputs[0], plain?.outputs[0], turned?.outputs[0], op.outputs[2], gain?.outputs[0]],
    origins: keys.origins,
  };
}

interface Keys {
  /** Latent, both weights, rotary, gain. */
  inputs: Value[];
  attrs: Op["attrs"];
  /** Columns of a key. */
  plain: number;
  rotary: number;
  origins: Op["origins"];
}

/** What an attention's, or its gradients', keys and values are made from. */
function keysOf(op: Op): Keys | undefined {
  const [, k, v] = op.inputs;
  const turn = madeBy(k, "rope");
  const norm = madeBy(turn?.inputs[0], "rmsnorm");
  const joined = madeBy(norm?.inputs[0], "concat");
  const product = madeBy(joined?.inputs[0], "linear");
  const copies = madeBy(joined?.inputs[1], "expand");
  const values = madeBy(v, "linear");
  if (!turn || !norm || !product || !copies || !values || joined?.inputs.length !== 2) return undefined;
  const [latent, kWeight] = product.inputs as [Value, Value];
  const [shared] = copies.inputs as [Value];
  const [plain, rotary] = [last(kWeight.type).size, last(shared.type).size];
  const dense = [product, values].every((o) => o.inputs.length === 2 && o.attrs.reads === 1 && o.inputs[1]!.type.dims.length === 3);
  const rotates = turn.attrs.inverse !== true && turn.attrs.offset === plain && turn.attrs.width === rotary;
  if (!dense || !rotates || values.inputs[0] !== latent || shared.type.dims.length !== latent.type.dims.length) return undefined;
  const { along, theta } = turn.attrs;
  return {
    inputs: [latent, kWeight, values.inputs[1]!, shared, norm.inputs[1]!],
    attrs: { ...op.attrs, eps: norm.attrs.eps!, along: along!, theta: theta! },
    plain,
    rotary,
    origins: [...new Set([op, turn, norm, product, values].flatMap((o) => o.origins))],
  };
}

/** Who takes a value; a loop's or the program's result counts as an op that nothing here looks for. */
function usersOf(graph: Graph): Map<Value, Op[]> {
  const users = new Map<Value, Op[]>();
  const use = (v: Value, op: Op): void => void users.set(v, [...(users.get(v) ?? []), op]);
  for (const op of allOps(graph.body)) {
    for (const v of op.inputs) use(v, op);
    for (const v of leaves(op)) use(v, op);
  }
  return users;
}
