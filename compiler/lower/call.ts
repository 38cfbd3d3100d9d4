/** Calls: of mlac's functions, of the user's own, which are inlined, and of blocks. */
import { ts } from "ts-morph";
import type { CallStack } from "../ir.js";
import { declare, withDefault } from "./assign.js";
import { builtins } from "./builtins.js";
import type { Context } from "./context.js";
import { elements, evaluate } from "./expression.js";
import { type Closure, describe, type Entry, isNothing, type Known, nothing } from "./known.js";
import type { Scope } from "./scope.js";
import { runAll } from "./statement.js";

/** Calls within calls; only a function that calls itself without end comes near it. */
const deepest = 100;

export function call(c: Context, node: ts.CallExpression, scope: Scope): Known {
  const callee = evaluate(c, node.expression, scope);
  if (isNothing(callee) && node.questionDotToken) return nothing;
  const args = elements(c, node.arguments, scope);
  if (callee.is === "builtin") {
    const builtin = builtins[callee.name];
    if (!builtin) throw c.error(node, "syntax/function", `${callee.name} cannot be called in a model`);
    return builtin({ c, node, args, name: callee.name });
  }
  if (callee.is === "closure") return inline(c, node, callee, args);
  if (callee.is === "bound") return inline(c, node, callee.body, [{ known: callee.params, node }, ...args], callee.origin);
  if (callee.is === "block")
    throw c.error(node, "syntax/block", "a block has no parameters until it is one of another block's", {
      help: `write block({ name: ${node.expression.getText()}, … }, (p, x) => p.name(x))`,
    });
  throw c.error(node.expression, "syntax/call", `only a function or a block can be called; this is ${describe(callee)}`);
}

function inline(c: Context, node: ts.Node, callee: Closure, args: readonly Entry[], made: CallStack = []): Known {
  if (c.calls.length >= deepest)
    throw c.error(
      node,
      "syntax/recursion",
      `calls are ${deepest} deep here: ${nameOf(callee)} calls itself, directly or through others, without end`,
      {
        help: "repeat with a stack: for (const layer of p.layers) x = layer(x);",
      },
    );
  return c.calling(node, () => invoke(c, callee, args), made);
}

/** Evaluates a function's body with these arguments. */
export function invoke(c: Context, { node, scope }: Closure, args: readonly Entry[]): Known {
  const inside = scope.ofCall();
  node.parameters.forEach((parameter, i) => {
    const rest: Known | undefined = parameter.dotDotDotToken && { is: "array", items: args.slice(i).map((a) => a.known) };
    declare(c, parameter.name, rest ?? withDefault(c, parameter, args[i]?.known, inside), inside, "let", true);
  });
  if (!ts.isBlock(node.body)) return evaluate(c, node.body, inside);
  const completion = runAll(c, node.body.statements, inside);
  return completion?.is === "return" ? completion.known : nothing;
}

function nameOf({ node }: Closure): string {
  const name = node.name ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name : undefined);
  return name?.getText() ?? "a function";
}
