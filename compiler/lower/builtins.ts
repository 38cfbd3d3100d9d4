/** The language's own functions: what a call of each becomes. */
import type { ts } from "ts-morph";
import { type Attribute, last, type Value } from "../ir.js";
import { writeDims } from "../ops/dims.js";
import type { Context } from "./context.js";
import { block, declaration, dims, maker, stack, train } from "./declarations.js";
import { emit, type Operand } from "./emit.js";
import { type BoundParameter, constant, describe, type Entry, type Known, type Tensor } from "./known.js";
import { Options, type Range } from "./options.js";
import { combine, dispatch, route } from "./routing.js";

export interface BuiltinCall {
  c: Context;
  node: ts.CallExpression;
  args: readonly Entry[];
  name: string;
}
type Builtin = (call: BuiltinCall) => Known;

/** Argument `i` as a value of the graph. */
export function operand({ c, node, args, name }: BuiltinCall, i: number): Operand {
  const arg = args[i];
  if (arg && (arg.known.is === "tensor" || arg.known.is === "parameter")) return { value: arg.known.value, node: arg.node };
  throw c.error(
    arg?.node ?? node,
    "syntax/argument",
    `${name} takes a tensor here; this is ${arg ? describe(arg.known) : "missing"}`,
    declared(arg),
  );
}

/** A parameter that a function uses without having got it through a block. */
const declared = (arg: Entry | undefined): { help?: string } =>
  arg?.known.is === "declared" ? { help: "put it among the parameters of block({ … }), and write p.name" } : {};

export function parameter({ c, node, args, name }: BuiltinCall, i: number): BoundParameter {
  const arg = args[i];
  if (arg?.known.is === "parameter") return arg.known;
  throw c.error(
    arg?.node ?? node,
    "syntax/argument",
    `${name} takes a parameter here; this is ${arg ? describe(arg.known) : "missing"}`,
    declared(arg),
  );
}

const tensor = (value: Value | undefined): Tensor => ({ is: "tensor", value: value! });

function numberAt({ c, node, args, name }: BuiltinCall, i: number): number {
  const arg = args[i];
  if (arg?.known.is === "constant" && typeof arg.known.value === "number" && Number.isFinite(arg.known.value)) return arg.known.value;
  throw c.error(
    arg?.node ?? node,
    "syntax/argument",
    `${name} takes a number known at compile time here; this is ${arg ? describe(arg.known) : "missing"}`,
  );
}

function textAt({ c, node, args, name }: BuiltinCall, i: number): string {
  const arg = args[i];
  if (arg?.known.is === "constant" && typeof arg.known.value === "string") return arg.known.value;
  throw c.error(
    arg?.node ?? node,
    "syntax/argument",
    `${name} takes the name of a dimension here; this is ${arg ? describe(arg.known) : "missing"}`,
  );
}

/** An op with `count` operands and nothing else to say. */
const op =
  (count: number, attrs: (call: BuiltinCall) => Readonly<Record<string, Attribute>> = () => ({})): Builtin =>
  (call) => {
    const operands = Array.from({ length: count }, (_, i) => operand(call, i));
    return tensor(emit(call.c, call.node, call.name, operands, attrs(call))[0]);
  };

const optionsAt = (call: BuiltinCall, i: number, ...keys: string[]): Options =>
  Options.at(call.c, call.name, call.args, i, call.node, "shape/option").only(...keys);
const positive: Range = { min: 0, open: true };
const norm = (count: number, eps: number): Builtin =>
  op(count, (call) => ({ eps: optionsAt(call, count, "eps").number("eps", positive, eps) }));

/** y = x · w. The rows of experts need to be told apart, which their routing's offsets do. */
const linear: Builtin = (call) => {
  const { c, node, args } = call;
  const x = operand(call, 0);
  const w = parameter(call, 1);
  const { reads, each } = w.parameter;
  const routing = each > 0 ? c.model(node).rows.get(x.value) : undefined;
  const operands: Operand[] = [x, { value: w.value, node: args[1]!.node }];
  if (routing) operands.push({ value: routing.offsets, node: x.node });
  else if (each > 0 && x.value.type.dims.some((d) => d.ragged))
    throw c.error(x.node, "shape/routing", "linear: these rows come from no routing");
  return tensor(emit(c, node, "linear", operands, { reads, each })[0]);
};

/** Where an addend of x's last dimension lies: its columns. */
function columns(call: BuiltinCall, x: Operand, addend: string, at: ts.Node): { offset: number; size: number } {
  const whole = last(x.value.type).name;
  const { sizes } = call.c.model(call.node);
  if (addend === whole) return { offset: 0, size: last(x.value.type).size };
  let offset = 0;
  for (const name of whole.split("+")) {
    const { size } = sizes.dim(name, at);
    if (name === addend) return { offset, size };
    offset += size;
  }
  throw call.c.error(at, "shape/part", `${call.name}: ${addend} is no addend of ${whole}, the last dimension of x`, {
    help: `there is ${whole.replaceAll("+", ", ")}`,
  });
}

const rope: Builtin = (call) => {
  const { c, node } = call;
  const x = operand(call, 0);
  const options = optionsAt(call, 1, "along", "theta", "on");
  const on = options.has("on") ? options.text("on") : last(x.value.type).name;
  const at = options.has("on") ? options.node("on") : x.node;
  const { offset, size: width } = columns(call, x, on, at);
  if (width % 2 !== 0)
    throw c.error(at, "shape/pairs", `rope turns pairs of columns; ${on} has ${width}, which is an odd number`, {
      also: c.model(node).sizes.frames(on),
      help: `choose an even size for ${on}`,
    });
  const attrs = { along: options.text("along"), theta: options.number("theta", positive), offset, width, inverse: false };
  return tensor(emit(c, node, "rope", [x], attrs)[0]);
};

const expand: Builtin = (call) => {
  const x = operand(call, 0);
  const { dims } = x.value.type;
  const added = call.c.model(call.node).sizes.dim(textAt(call, 1), call.args[1]!.node);
  return tensor(emit(call.c, call.node, "expand", [x], { into: writeDims([...dims.slice(0, -1), added, ...dims.slice(-1)]) })[0]);
};

const part: Builtin = (call) => {
  const x = operand(call, 0);
  const dim = textAt(call, 1);
  const { offset, size } = columns(call, x, dim, call.args[1]!.node);
  return tensor(emit(call.c, call.node, "part", [x], { offset, dim, size })[0]);
};

const attention: Builtin = (call) => {
  const { c, node } = call;
  const [q, k, v] = [operand(call, 0), operand(call, 1), operand(call, 2)];
  const options = optionsAt(call, 3, "along", "causal", "scale");
  const along = options.text("along");
  const { dims } = q.value.type;
  if (dims.length > 2 && dims.at(-3)!.name !== along)
    throw c.error(
      options.node("along"),
      "shape/along",
      `attention: ${along} must stand just before the heads of q, [${dims.map((d) => d.name).join(" ")}]`,
    );
  const scale = options.number("scale", positive, 1 / Math.sqrt(last(q.value.type).size));
  return tensor(emit(c, node, "attention", [q, k, v], { causal: options.truth("causal"), scale })[0]);
};

const linearCrossEntropy: Builtin = (call) => {
  const { c, node } = call;
  const [x, w, targets] = [operand(call, 0), operand(call, 1), operand(call, 2)];
  const m = c.model(node);
  if (m.loops.length === 0) m.heads.push({ x: x.value, w: w.value });
  return tensor(emit(c, node, "linearCrossEntropy", [x, w, targets])[0]);
};

/** Math.sqrt and the like, of constants. */
const mathematics: Builtin = (call) => {
  const apply = (Math as unknown as Record<string, (...numbers: number[]) => number>)[call.name.slice("Math.".length)]!;
  return constant(apply(...call.args.map((_, i) => numberAt(call, i))));
};

const unary = ["neg", "exp", "log", "sqrt", "square", "tanh", "sigmoid", "silu", "relu", "softmax"];
const binary = ["add", "sub", "mul", "div", "swiglu", "concat", "lookup"];
const by = op(1, (call) => ({ by: numberAt(call, 1) }));
const table = (names: readonly string[], builtin: Builtin): Record<string, Builtin> =>
  Object.fromEntries(names.map((name) => [name, builtin]));
const functionsOfMath = Object.getOwnPropertyNames(Math)
  .filter((name) => name !== "random")
  .map((name) => `Math.${name}`);

/** By the name each is exported under. */
export const builtins: Readonly<Record<string, Builtin>> = {
  ...table(unary, op(1)),
  ...table(binary, op(2)),
  scale: by,
  shift: by,
  rmsnorm: norm(2, 1e-6),
  layernorm: norm(3, 1e-5),
  linear,
  linearCrossEntropy,
  rope,
  expand,
  part,
  attention,
  route,
  dispatch,
  combine,
  ...table(["weight", "router", "embedding", "gain", "bias"], declaration),
  dims,
  block,
  stack,
  ...table(["muon", "adamw", "constant", "cosine", "wsd"], maker),
  train,
  ...table(functionsOfMath, mathematics),
};
