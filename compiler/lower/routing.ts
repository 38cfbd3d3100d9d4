/** Mixtures of experts: route, dispatch, combine, and the biases that keep the experts busy. */
import { last, type Op, type Parameter, showType, type Value } from "../ir.js";
import { writeDim, writeDims } from "../ops/dims.js";
import type { BuiltinCall } from "./builtins.js";
import { operand, parameter } from "./builtins.js";
import { emit } from "./emit.js";
import { type BoundParameter, describe, type Known, type Routing } from "./known.js";
import type { ModelState } from "./model.js";
import { Options } from "./options.js";

export function route(call: BuiltinCall): Known {
  const { c, node, args } = call;
  const m = c.model(node);
  const x = operand(call, 0);
  const router = parameter(call, 1);
  const { dims } = x.value.type;
  const reads = router.value.type.dims.at(-2);
  if (dims.length > 0 && reads && last(x.value.type).name !== reads.name)
    throw c.error(
      args[1]!.node,
      "shape/reads",
      `route: the router reads [${reads.name}]; x is ${showType(x.value.type)}, which does not end in it`,
    );
  const [logits] = emit(c, node, "linear", [x, { value: router.value, node: args[1]!.node }], {
    reads: router.parameter.reads,
    each: router.parameter.each,
  });
  const experts = last(logits!.type);
  const options = Options.at(c, "route", args, 2, node, "shape/option").only("topK", "score", "scale", "balance");
  const topK = options.number("topK", { min: 1, max: experts.size, whole: true });
  const score = options.text("score", ["softmax", "sigmoid"]);
  const scale = options.number("scale", { min: 0, open: true }, 1);
  const { aux, rate } = balanceOf(options);
  const bias = rate === undefined ? undefined : expertBias(call, router, rate);
  const operands = [logits!, ...(bias ? [bias] : [])].map((value) => ({ value, node: args[0]!.node }));
  const outputs = emit(c, node, "route", operands, { topK, score, scale, aux });
  const [gates, choice, slot, source, offsets, load, , balance] = outputs as [Value, Value, Value, Value, Value, Value, Value, Value];
  const { path } = router.parameter;
  m.routes.push({
    path,
    stack: undefined,
    load,
    balance: aux > 0 ? balance : undefined,
    bias: rate === undefined ? undefined : { path: biasPath(path), rate },
    origin: c.origin(node),
  });
  return { is: "routing", gates, choice, slot, source, offsets, topK, experts, tokens: x.value.type.dims.slice(0, -1) };
}

function balanceOf(options: Options): { aux: number; rate?: number } {
  if (options.get("balance").is === "constant") {
    options.text("balance", ["none"]);
    return { aux: 0 };
  }
  const balance = options.inner("balance").only("loss", "bias");
  if (balance.has("loss") && balance.has("bias")) throw options.error("balance", "must be by loss or by bias; it is both");
  if (balance.has("bias")) return { aux: 0, rate: balance.number("bias", { min: 0, open: true }) };
  return { aux: balance.number("loss", { min: 0 }) };
}

const biasPath = (router: string): string => `${router}Bias`;

/** A bias for each expert, of state: the update moves it by the load. It lies beside its router, stacked in the same way. */
function expertBias(call: BuiltinCall, router: BoundParameter, rate: number): Value {
  const { c, node } = call;
  const m = c.model(node);
  const { parameter: of } = router;
  const path = biasPath(of.path);
  const known = m.rates.get(of.path);
  if (known && known.rate !== rate)
    throw c.error(node, "plan/two-rates", `the bias of ${of.path} is moved by ${rate} here and by ${known.rate} elsewhere`, {
      also: [{ span: c.span(known.node) }],
      help: "give both the same rate, or each routing a router of its own",
    });
  m.rates.set(of.path, { rate, node });
  const experts = of.type.dims.slice(of.stacked + of.each + of.reads);
  const state: Parameter = {
    path,
    kind: "state",
    type: { dims: [...of.type.dims.slice(0, of.stacked), ...experts], dtype: "f32" },
    stacked: of.stacked,
    each: 0,
    reads: 0,
    init: { kind: "constant", value: 0 },
    origin: c.origin(node),
  };
  return beside(m, router.value, () => {
    if (m.parameters.some((p) => p.path === path))
      throw c.error(node, "syntax/parameter-name", `${path} is the name of the expert biases of ${of.path}, so no parameter can have it`, {
        help: "give the parameter another name",
      });
    return m.addParameter(state);
  });
}

/** The bias for the router's value: the whole, or the slice that corresponds to the router's slice. */
function beside(m: ModelState, router: Value, make: () => Value): Value {
  const known = m.biases.get(router);
  if (known) return known;
  let bias: Value;
  if (router.def.is === "slice") {
    const { op, index }: { op: Op; index: number } = router.def;
    const open = m.loops.find((one) => one.op === op)!;
    bias = m.slice(open, beside(m, open.sliced[index]!, make));
  } else bias = make();
  m.biases.set(router, bias);
  return bias;
}

function routingAt({ c, node, args, name }: BuiltinCall, i: number): Routing {
  const known = args[i]?.known;
  if (known?.is === "routing") return known;
  throw c.error(
    args[i]?.node ?? node,
    "syntax/argument",
    `${name} takes a routing, as route gives it; this is ${known ? describe(known) : "missing"}`,
  );
}

export function dispatch(call: BuiltinCall): Known {
  const { c, node, args } = call;
  const x = operand(call, 0);
  const routing = routingAt(call, 1);
  const at = args[1]!.node;
  const attrs = { topK: routing.topK, experts: writeDim(routing.experts) };
  const [rows] = emit(c, node, "dispatch", [x, { value: routing.source, node: at }, { value: routing.slot, node: at }], attrs);
  c.model(node).rows.set(rows!, routing);
  return { is: "tensor", value: rows! };
}

export function combine(call: BuiltinCall): Known {
  const { c, node, args } = call;
  const y = operand(call, 0);
  const routing = routingAt(call, 1);
  if (c.model(node).rows.get(y.value) !== routing)
    throw c.error(y.node, "shape/routing", `combine: y is ${showType(y.value.type)}, but not of the rows that this routing dispatched`, {
      help: "combine with the routing that the rows were dispatched with",
    });
  const at = args[1]!.node;
  const others = [routing.slot, routing.source, routing.gates].map((value) => ({ value, node: at }));
  const [value] = emit(c, node, "combine", [y, ...others], { into: writeDims(routing.tokens) });
  return { is: "tensor", value: value! };
}
