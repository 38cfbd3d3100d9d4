/** `for (const layer of p.layers)` becomes one `repeat`. */
import { ts } from "ts-morph";
import { type Loop, type Op, sameDims, showType, type Type, type Value } from "../ir.js";
import { allOps, replaceUses } from "../passes/rewrite.js";
import type { Context } from "./context.js";
import { describe, isNothing, type Known, type Layers } from "./known.js";
import type { ModelState, OpenLoop } from "./model.js";
import { withValues } from "./parameters.js";
import type { Binding, Scope } from "./scope.js";
import { run } from "./statement.js";

interface Carried {
  name: string;
  binding: Binding;
  /** Where the loop assigns it. */
  node: ts.Node;
  initial: Value;
  value: Value;
  /** The loop around this one that carries it too. */
  outer: string | undefined;
}

export function repeat(c: Context, node: ts.ForOfStatement, variable: ts.Identifier, layers: Layers, scope: Scope): void {
  if (!layers.layer) return; // a stack of 0
  const m = c.model(node);
  const { builder } = m;
  const loop: Loop = { count: layers.count, label: layers.path, reverse: false, carried: [], slices: [], body: [], yields: [], stacks: [] };
  const op: Op = { id: builder.fresh(), kind: "repeat", inputs: [], attrs: {}, outputs: [], origins: [c.origin(node.expression)], loop };
  const open: OpenLoop = { op, loop, sliced: [] };
  const carried = carriedVariables(c, node, scope, m, open, layers.path);
  const slices = new Map<Value, Value>();
  const layer = withValues(layers.layer, (parameter) => {
    const value = slices.get(parameter.value) ?? m.slice(open, parameter.value);
    slices.set(parameter.value, value);
    return { ...parameter, value };
  });

  const outside = m.routes;
  m.routes = [];
  m.loops.push(open);
  const inside = scope.ofBlock();
  inside.declare(variable.text, { known: layer, kind: "const", node: variable });
  loop.body = builder.within(() => {
    const completion = run(c, node.statement, inside);
    if (completion)
      throw c.error(completion.node, "syntax/loop", `every layer of a stack does the same: there is no ${completion.is} in its loop`);
  }).ops;
  m.loops.pop();

  for (const one of carried) loop.yields.push(nextOf(c, one));
  dropUnchanged(carried, loop);
  op.inputs = carried.map((one) => one.initial);
  for (const route of m.routes) loop.stacks.push(route.load, ...(route.balance ? [route.balance] : []));
  keepUsedSlices(open);
  finish(m, open, carried);
  m.routes = [...outside, ...m.routes.map((route) => ({ ...route, ...leaving(open, route), stack: route.stack ?? layers.path }))];
}

/** The variables from outside that the body assigns. Their values in the body are what the loop carries. */
function carriedVariables(
  c: Context,
  node: ts.ForOfStatement,
  scope: Scope,
  m: ModelState,
  { op, loop }: OpenLoop,
  label: string,
): Carried[] {
  return [...assigned(c, node)].flatMap(([name, at]) => {
    const binding = scope.find(name)?.binding;
    if (binding?.kind !== "let") return [];
    const { known } = binding;
    if (known?.is !== "tensor") {
      const what = known && !isNothing(known) ? `; this is ${describe(known)}` : " with a value before the loop";
      throw c.error(at, "syntax/carried", `${name} goes from layer to layer of ${label}, so it must be a tensor${what}`, {
        help: "the loop over a stack stays a loop: what differs from layer to layer is in the parameters and in tensors only",
      });
    }
    const initial = known.value;
    const value: Value = { id: m.builder.fresh(), type: initial.type, name, def: { is: "carried", op, index: loop.carried.length } };
    loop.carried.push(value);
    const routing = m.rows.get(initial);
    if (routing) m.rows.set(value, routing);
    binding.known = { is: "tensor", value };
    const outer = binding.carriedBy;
    binding.carriedBy = label;
    return [{ name, binding, node: at, initial, value, outer }];
  });
}

/** Names from outside that a loop's body assigns, functions within it left out: those cannot assign what is outside of them. */
function assigned(c: Context, loop: ts.ForOfStatement): Map<string, ts.Identifier> {
  const names = new Map<string, ts.Identifier>();
  const target = (node: ts.Node): void => {
    if (ts.isIdentifier(node)) {
      if (!c.project.isDeclaredIn(node, loop)) names.set(node.text, names.get(node.text) ?? node);
    } else if (ts.isPropertyAssignment(node)) target(node.initializer);
    else if (ts.isShorthandPropertyAssignment(node)) target(node.name);
    else ts.forEachChild(node, target);
  };
  const visit = (node: ts.Node): void => {
    if (ts.isFunctionLike(node)) return;
    if (ts.isBinaryExpression(node) && isAssignment(node.operatorToken.kind)) target(node.left);
    if ((ts.isPrefixUnaryExpression(node) || ts.isPostfixUnaryExpression(node)) && ts.isIdentifier(node.operand) && isStep(node.operator))
      target(node.operand);
    ts.forEachChild(node, visit);
  };
  visit(loop.statement);
  return names;
}

const isAssignment = (operator: ts.SyntaxKind): boolean =>
  operator >= ts.SyntaxKind.FirstAssignment && operator <= ts.SyntaxKind.LastAssignment;
const isStep = (operator: ts.SyntaxKind): boolean => operator === ts.SyntaxKind.PlusPlusToken || operator === ts.SyntaxKind.MinusMinusToken;

function nextOf(c: Context, { name, binding, node, initial }: Carried): Value {
  const known = binding.known as Extract<Known, { is: "tensor" }>;
  const { type } = known.value;
  if (!sameDims(type.dims, initial.type.dims) || type.dtype !== initial.type.dtype)
    throw c.error(
      node,
      "shape/carried",
      `${name} is ${showType(initial.type)} before the loop and ${showType(type)} after a layer; every layer must leave it as it found it`,
    );
  return known.value;
}

/** A variable that the body in the end leaves alone is no part of the loop. */
function dropUnchanged(carried: Carried[], loop: Loop): void {
  const unchanged = carried.filter((one, i) => loop.yields[i] === one.value);
  if (unchanged.length === 0) return;
  const map = new Map(unchanged.map((one) => [one.value, one.initial]));
  replaceUses(loop.body, map);
  const kept = carried.map((one, i) => ({ one, next: loop.yields[i]! })).filter(({ one }) => !unchanged.includes(one));
  for (const { binding, initial, outer } of unchanged) {
    binding.known = { is: "tensor", value: initial };
    binding.carriedBy = outer;
  }
  carried.splice(0, carried.length, ...kept.map(({ one }) => one));
  loop.carried = carried.map((one) => one.value);
  loop.yields = kept.map(({ next }) => map.get(next) ?? next);
  loop.carried.forEach((value, index) => {
    if (value.def.is === "carried") value.def = { ...value.def, index };
  });
}

function keepUsedSlices(open: OpenLoop): void {
  const { op, loop } = open;
  const used = new Set<Value>([...loop.yields, ...loop.stacks]);
  for (const inner of allOps(loop.body))
    for (const v of [...inner.inputs, ...(inner.loop?.yields ?? []), ...(inner.loop?.stacks ?? [])]) used.add(v);
  const kept = loop.slices.map((value, i) => ({ value, whole: open.sliced[i]! })).filter(({ value }) => used.has(value));
  loop.slices = kept.map(({ value }) => value);
  open.sliced = kept.map(({ whole }) => whole);
  loop.slices.forEach((value, index) => {
    value.def = { is: "slice", op, index };
  });
  op.inputs.push(...open.sliced);
}

/** Adds the op itself; outside, each carried variable is now the loop's result. */
function finish(m: ModelState, { op, loop }: OpenLoop, carried: readonly Carried[]): void {
  const layer = { name: loop.label, size: loop.count };
  const types: Type[] = [...loop.yields.map((v) => v.type), ...loop.stacks.map((v) => ({ ...v.type, dims: [layer, ...v.type.dims] }))];
  op.outputs = types.map((type, index) => ({ id: m.builder.fresh(), type, def: { is: "op", op, index } }));
  carried.forEach(({ name, binding, initial, outer }, i) => {
    const value = op.outputs[i]!;
    value.name = name;
    const routing = m.rows.get(initial);
    if (routing) m.rows.set(value, routing);
    binding.known = { is: "tensor", value };
    binding.carriedBy = outer;
  });
  m.builder.body.push(op);
}

/** A routing's reports as the loop hands them out: for all layers. */
function leaving(
  { op, loop }: OpenLoop,
  { load, balance }: { load: Value; balance: Value | undefined },
): { load: Value; balance: Value | undefined } {
  const out = (v: Value): Value => op.outputs[loop.carried.length + loop.stacks.indexOf(v)]!;
  return { load: out(load), balance: balance && out(balance) };
}
