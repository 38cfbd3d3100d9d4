/** What each kind of expression is worth. */
import { ts } from "ts-morph";
import { assign } from "./assign.js";
import { call } from "./call.js";
import { type Context, propertyName } from "./context.js";
import { type Closure, constant, describe, type Entry, isNothing, type Known, nothing } from "./known.js";
import { combine, isTrue, negate } from "./operator.js";
import type { Scope } from "./scope.js";

type Evaluate<N extends ts.Node> = (c: Context, node: N, scope: Scope) => Known;

const table = new Map<ts.SyntaxKind, Evaluate<never>>();
const on = <N extends ts.Node>(kind: N["kind"], evaluate: Evaluate<N>): void => void table.set(kind, evaluate);
const K = ts.SyntaxKind;

export function evaluate(c: Context, node: ts.Expression, scope: Scope): Known {
  const override = c.overrides.get(node);
  if (override) return override;
  const rule = table.get(node.kind);
  if (!rule)
    throw c.error(node, "syntax/expression", `${node.getText()} is not an expression of the language`, {
      help: "docs/language.md lists what is",
    });
  return rule(c, node as never, scope);
}

/** The inner expression of ( ), as and !. */
const inner: Evaluate<ts.ParenthesizedExpression | ts.AsExpression | ts.SatisfiesExpression | ts.NonNullExpression | ts.TypeAssertion> = (
  c,
  node,
  scope,
) => evaluate(c, node.expression, scope);
on(K.ParenthesizedExpression, inner);
on(K.AsExpression, inner);
on(K.SatisfiesExpression, inner);
on(K.NonNullExpression, inner);
on(K.TypeAssertionExpression, inner);

on(K.NumericLiteral, (_, node: ts.NumericLiteral) => constant(Number(node.text)));
on(K.StringLiteral, (_, node: ts.StringLiteral) => constant(node.text));
on(K.NoSubstitutionTemplateLiteral, (_, node: ts.NoSubstitutionTemplateLiteral) => constant(node.text));
on(K.TrueKeyword, () => constant(true));
on(K.FalseKeyword, () => constant(false));
on(K.NullKeyword, () => constant(null));

on(K.TemplateExpression, (c, node: ts.TemplateExpression, scope) => {
  const parts = node.templateSpans.map((span) => {
    const known = evaluate(c, span.expression, scope);
    if (known.is !== "constant")
      throw c.error(span.expression, "syntax/text", `only constants can be put into a text; this is ${describe(known)}`);
    return `${known.value}${span.literal.text}`;
  });
  return constant(node.head.text + parts.join(""));
});

on(K.Identifier, (c, node: ts.Identifier, scope) => {
  const found = scope.find(node.text);
  if (found?.binding.known) return found.binding.known;
  if (found)
    throw c.error(node, "syntax/order", `${node.text} is used before it has a value`, {
      also: [{ span: c.span(found.binding.node), label: "it gets one here" }],
      help: "declare it further up",
    });
  if (node.text === "undefined") return nothing;
  if (node.text === "Infinity" || node.text === "NaN") return constant(Number(node.text));
  throw c.error(node, "syntax/global", `a model is read and never run: there is no ${node.text} in it`);
});

on(K.PropertyAccessExpression, (c, node: ts.PropertyAccessExpression, scope) => {
  const { expression, name } = node;
  if (ts.isIdentifier(expression) && expression.text === "Math" && !scope.find("Math")) return mathematics(c, node, name.text);
  const of = evaluate(c, expression, scope);
  if (node.questionDotToken && isNothing(of)) return nothing;
  return property(c, node, of, name.text);
});

on(K.ElementAccessExpression, (c, node: ts.ElementAccessExpression, scope) => {
  const of = evaluate(c, node.expression, scope);
  if (node.questionDotToken && isNothing(of)) return nothing;
  const key = evaluate(c, node.argumentExpression, scope);
  if (key.is !== "constant")
    throw c.error(node.argumentExpression, "syntax/element", `an element is named by a constant; this is ${describe(key)}`, {
      help: 'take part(x, "N") of a tensor by its dimension, lookup(table, tokens) of a table by token',
    });
  return property(c, node, of, String(key.value));
});

function property(c: Context, node: ts.PropertyAccessExpression | ts.ElementAccessExpression, of: Known, key: string): Known {
  if (of.is === "fields") return of.entries.get(key)?.known ?? nothing;
  if (of.is === "array" && key === "length") return constant(of.items.length);
  if (of.is === "array" && /^\d+$/.test(key)) return of.items[Number(key)] ?? nothing;
  if (of.is === "constant" && typeof of.value === "string" && key === "length") return constant(of.value.length);
  throw c.error(node, "syntax/property", `${describe(of)} has no ${key} in a model`, { help: instead(of) });
}

/** What to write in place of a property or a method that is not there. */
function instead(of: Known): string {
  if (of.is === "layers" || of.is === "array") return "write a loop: for (const x of …) …";
  if (of.is === "tensor" || of.is === "parameter") return "tensors are computed with functions: relu(x), add(a, b)";
  if (of.is === "constant" && typeof of.value === "string") return "texts can be compared with ===, and put together with +";
  return "docs/language.md lists what there is";
}

function mathematics(c: Context, node: ts.Node, name: string): Known {
  const value = (Math as unknown as Record<string, unknown>)[name];
  if (typeof value === "number") return constant(value);
  if (typeof value !== "function" || name === "random") throw c.error(node, "syntax/math", `a model has no Math.${name}`);
  return { is: "builtin", name: `Math.${name}` };
}

on(K.PrefixUnaryExpression, (c, node: ts.PrefixUnaryExpression, scope) => {
  const { operator, operand } = node;
  if (operator === K.PlusPlusToken || operator === K.MinusMinusToken) return assign(c, node, scope);
  const known = evaluate(c, operand, scope);
  if (operator === K.ExclamationToken) return constant(!isTrue(c, operand, known));
  return negate(c, node, known);
});
on(K.PostfixUnaryExpression, assign);

on(K.BinaryExpression, (c, node: ts.BinaryExpression, scope) => {
  const operator = node.operatorToken.kind;
  if (operator >= K.FirstAssignment && operator <= K.LastAssignment) return assign(c, node, scope);
  const left = evaluate(c, node.left, scope);
  if (operator === K.QuestionQuestionToken) return isNothing(left) ? evaluate(c, node.right, scope) : left;
  if (operator === K.AmpersandAmpersandToken) return isTrue(c, node.left, left) ? evaluate(c, node.right, scope) : left;
  if (operator === K.BarBarToken) return isTrue(c, node.left, left) ? left : evaluate(c, node.right, scope);
  return combine(c, node, node.operatorToken.getText(), left, evaluate(c, node.right, scope));
});

on(K.ConditionalExpression, (c, node: ts.ConditionalExpression, scope) =>
  evaluate(c, isTrue(c, node.condition, evaluate(c, node.condition, scope)) ? node.whenTrue : node.whenFalse, scope),
);

on(K.ArrayLiteralExpression, (c, node: ts.ArrayLiteralExpression, scope) => ({
  is: "array",
  items: elements(c, node.elements, scope).map((e) => e.known),
}));

/** Values in a row, `...array` among them, each with the place it was written at. */
export function elements(c: Context, nodes: readonly ts.Expression[], scope: Scope): Entry[] {
  return nodes.flatMap((node) => {
    if (!ts.isSpreadElement(node)) return [{ known: evaluate(c, node, scope), node }];
    const known = evaluate(c, node.expression, scope);
    if (known.is !== "array") throw c.error(node, "syntax/spread", `only an array can be spread here; this is ${describe(known)}`);
    return known.items.map((item) => ({ known: item, node }));
  });
}

on(K.ObjectLiteralExpression, (c, node: ts.ObjectLiteralExpression, scope) => {
  const entries = new Map<string, Entry>();
  for (const p of node.properties) {
    if (ts.isPropertyAssignment(p)) entries.set(propertyName(c, p.name), { known: evaluate(c, p.initializer, scope), node: p.initializer });
    else if (ts.isShorthandPropertyAssignment(p)) entries.set(p.name.text, { known: evaluate(c, p.name, scope), node: p.name });
    else if (ts.isSpreadAssignment(p)) {
      const known = evaluate(c, p.expression, scope);
      if (isNothing(known)) continue;
      if (known.is !== "fields") throw c.error(p, "syntax/spread", `only an object can be spread here; this is ${describe(known)}`);
      for (const [key, entry] of known.entries) entries.set(key, entry);
    }
  }
  return { is: "fields", entries, node };
});

const closure: Evaluate<ts.ArrowFunction | ts.FunctionExpression> = (_, node, scope) => ({
  is: "closure",
  node: node as Closure["node"],
  scope,
});
on(K.ArrowFunction, closure);
on(K.FunctionExpression, closure);
on(K.CallExpression, call);
