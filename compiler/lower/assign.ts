/** Names get values: declarations, destructuring, assignment. */
import { ts } from "ts-morph";
import { type Context, propertyName } from "./context.js";
import { evaluate } from "./expression.js";
import { constant, describe, type Entry, isNothing, type Known, nothing } from "./known.js";
import { combine } from "./operator.js";
import type { Binding, Scope } from "./scope.js";

const K = ts.SyntaxKind;

/** A tensor gets the first name that its user gives it. */
function named(known: Known, name: string): Known {
  if (known.is === "tensor" && known.value.name === undefined) known.value.name = name;
  return known;
}

/** Declares the names of `const x`, `const { a, b: c = 1 }`, `const [x, y]`. */
export function declare(c: Context, target: ts.BindingName, known: Known, scope: Scope, kind: Binding["kind"], isParameter = false): void {
  if (ts.isIdentifier(target)) scope.declare(target.text, { known: isParameter ? known : named(known, target.text), kind, node: target });
  else if (ts.isObjectBindingPattern(target)) declareFields(c, target, known, scope, kind);
  else declareItems(c, target, known, scope, kind);
}

function declareFields(c: Context, target: ts.ObjectBindingPattern, known: Known, scope: Scope, kind: Binding["kind"]): void {
  if (known.is !== "fields") throw c.error(target, "syntax/destructure", `{ … } takes an object apart; this is ${describe(known)}`);
  const rest = new Map<string, Entry>(known.entries);
  for (const element of target.elements) {
    if (element.dotDotDotToken) {
      declare(c, element.name, { is: "fields", entries: rest, node: known.node }, scope, kind);
      continue;
    }
    const key = element.propertyName ? propertyName(c, element.propertyName) : element.name.getText();
    rest.delete(key);
    declare(c, element.name, withDefault(c, element, known.entries.get(key)?.known, scope), scope, kind);
  }
}

function declareItems(c: Context, target: ts.ArrayBindingPattern, known: Known, scope: Scope, kind: Binding["kind"]): void {
  if (known.is !== "array") throw c.error(target, "syntax/destructure", `[ … ] takes an array apart; this is ${describe(known)}`);
  target.elements.forEach((element, i) => {
    if (ts.isOmittedExpression(element)) return;
    const item: Known | undefined = element.dotDotDotToken ? { is: "array", items: known.items.slice(i) } : known.items[i];
    declare(c, element.name, withDefault(c, element, item, scope), scope, kind);
  });
}

export function withDefault(c: Context, element: { initializer?: ts.Expression }, known: Known | undefined, scope: Scope): Known {
  if (known && !(known.is === "constant" && known.value === undefined)) return known;
  return element.initializer ? evaluate(c, element.initializer, scope) : nothing;
}

type Assignment = ts.BinaryExpression | ts.PrefixUnaryExpression | ts.PostfixUnaryExpression;

/** `x = y`, `x += 1`, `x++`, `[x, y] = f(x)`, for variables declared by let in the same function. */
export function assign(c: Context, node: Assignment, scope: Scope): Known {
  if (!ts.isBinaryExpression(node)) {
    const before = evaluate(c, node.operand, scope);
    const after = combine(c, node, node.operator === K.PlusPlusToken ? "+" : "-", before, constant(1));
    assignTo(c, node.operand, after, scope);
    return ts.isPrefixUnaryExpression(node) ? after : before;
  }
  const operator = node.operatorToken.getText();
  const operation = operator.slice(0, -1);
  if (operation === "") return assignTo(c, node.left, evaluate(c, node.right, scope), scope);
  const before = evaluate(c, node.left, scope);
  if (operation === "??") return isNothing(before) ? assignTo(c, node.left, evaluate(c, node.right, scope), scope) : before;
  if (operation === "&&" || operation === "||")
    throw c.error(node, "syntax/assign", `${operator} is hard to read`, { help: "write if (…) x = …" });
  return assignTo(c, node.left, combine(c, node, operation, before, evaluate(c, node.right, scope)), scope);
}

function assignTo(c: Context, target: ts.Expression, known: Known, scope: Scope): Known {
  if (ts.isArrayLiteralExpression(target) || ts.isObjectLiteralExpression(target)) assignParts(c, target, known, scope);
  else if (ts.isIdentifier(target)) assignVariable(c, target, known, scope);
  else
    throw c.error(target, "syntax/assign", "objects and arrays do not change; only a variable declared by let can be assigned", {
      help: "make a new one: { ...old, key: value }",
    });
  return known;
}

function assignParts(c: Context, target: ts.ArrayLiteralExpression | ts.ObjectLiteralExpression, known: Known, scope: Scope): void {
  if (ts.isArrayLiteralExpression(target)) {
    if (known.is !== "array") throw c.error(target, "syntax/destructure", `[ … ] takes an array apart; this is ${describe(known)}`);
    for (const [i, element] of target.elements.entries()) assignTo(c, element, known.items[i] ?? nothing, scope);
    return;
  }
  if (known.is !== "fields") throw c.error(target, "syntax/destructure", `{ … } takes an object apart; this is ${describe(known)}`);
  for (const p of target.properties) {
    if (ts.isShorthandPropertyAssignment(p)) assignTo(c, p.name, known.entries.get(p.name.text)?.known ?? nothing, scope);
    else if (ts.isPropertyAssignment(p)) assignTo(c, p.initializer, known.entries.get(propertyName(c, p.name))?.known ?? nothing, scope);
    else throw c.error(p, "syntax/destructure", "write the names one by one");
  }
}

function assignVariable(c: Context, target: ts.Identifier, known: Known, scope: Scope): void {
  const found = scope.find(target.text);
  if (found?.scope.activation !== scope.activation)
    throw c.error(
      target,
      "syntax/assign-outside",
      `${target.text} belongs to another function; a function can assign its own variables only`,
      {
        help: `return the new value, and write ${target.text} = f(…) where ${target.text} is declared`,
      },
    );
  const { binding } = found;
  if (binding.carriedBy !== undefined && known.is !== "tensor")
    throw c.error(
      target,
      "syntax/carried",
      `${target.text} goes from layer to layer of ${binding.carriedBy}, so it must be a tensor; this is ${describe(known)}`,
      {
        help: "the loop over a stack stays a loop: what differs from layer to layer is in the parameters and in tensors only",
      },
    );
  binding.known = named(known, target.text);
}
