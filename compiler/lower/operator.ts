/** Arithmetic and comparison of constants. */
import type { ts } from "ts-morph";
import type { Context } from "./context.js";
import { type Constant, constant, describe, type Known } from "./known.js";

const arithmetic: Readonly<Record<string, (a: number, b: number) => number>> = {
  "+": (a, b) => a + b,
  "-": (a, b) => a - b,
  "*": (a, b) => a * b,
  "/": (a, b) => a / b,
  "%": (a, b) => a % b,
  "**": (a, b) => a ** b,
};

const order: Readonly<Record<string, (a: number | string, b: number | string) => boolean>> = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
};

type Side = readonly [text: string, isTensor: boolean];
const functions: Readonly<Record<string, string>> = { "+": "add", "-": "sub", "*": "mul", "/": "div" };

/** Operations on tensors are functions: what to write in place of an operator, if there is such a function. `+=` is written with `+`. */
export function callFor(operator: string, [a, tensorA]: Side, [b, tensorB]: Side): string | undefined {
  const sign = operator.length > 1 ? operator.replace(/=$/, "") : operator;
  const name = functions[sign];
  if (name === undefined) return undefined;
  if (tensorA && tensorB) return `${name}(${a}, ${b})`;
  const [x, number] = tensorA ? [a, b] : [b, a];
  if (sign === "*") return `scale(${x}, ${number})`;
  if (sign === "+") return `shift(${x}, ${number})`;
  if (!tensorA) return sign === "-" ? `shift(neg(${x}), ${number})` : undefined;
  return sign === "-" ? `shift(${x}, -${number})` : `scale(${x}, 1 / ${number})`;
}

export function combine(c: Context, node: ts.Node, operator: string, left: Known, right: Known): Constant {
  if (operator === "===" || operator === "==") return constant(isSame(left, right));
  if (operator === "!==" || operator === "!=") return constant(!isSame(left, right));
  const sides = [left, right].map((side) => (side.is === "constant" ? side.value : undefined));
  const [a, b] = sides;
  if (typeof a === "number" && typeof b === "number") {
    const compute = arithmetic[operator];
    if (compute) return constant(compute(a, b));
  }
  if (operator === "+" && (typeof a === "string" || typeof b === "string") && left.is === "constant" && right.is === "constant")
    return constant(`${left.value}${right.value}`);
  const compare = order[operator];
  if (compare && (typeof a === "number" || typeof a === "string") && typeof b === typeof a) return constant(compare(a, b as typeof a));
  const bad = left.is === "constant" && typeof left.value === "number" ? right : left;
  const call = [a, b].some((side) => typeof side === "string")
    ? undefined
    : callFor(operator, ["a", left.is === "tensor"], ["b", right.is === "tensor"]);
  const help = bad.is === "tensor" && call !== undefined ? { help: `write ${call}` } : {};
  throw c.error(node, "syntax/operator", `${operator} is for numbers known at compile time; this is ${describe(bad)}`, help);
}

function isSame(left: Known, right: Known): boolean {
  return left.is === "constant" && right.is === "constant" ? left.value === right.value : left === right;
}

/** + and - before a number. */
export function negate(c: Context, node: ts.PrefixUnaryExpression, known: Known): Constant {
  const sign = node.getText()[0];
  if (known.is === "constant" && typeof known.value === "number" && (sign === "-" || sign === "+"))
    return constant(sign === "-" ? -known.value : known.value);
  const help = known.is === "tensor" && sign === "-" ? { help: "write neg(x)" } : {};
  throw c.error(node, "syntax/operator", `${sign} is for numbers known at compile time; this is ${describe(known)}`, help);
}

/** A condition. Which way a model goes must be known from its source. */
export function isTrue(c: Context, node: ts.Node, known: Known): boolean {
  if (known.is === "constant") return Boolean(known.value);
  if (known.is === "tensor" || known.is === "routing")
    throw c.error(node, "syntax/condition", `a condition must be known at compile time; this is ${describe(known)}`, {
      help: "compare constants: sizes, options, strings. What depends on a tensor's values is computed, as with relu(x) or mul(x, gate)",
    });
  return true;
}
