/** What each kind of statement does. */
import { ts } from "ts-morph";
import { declare } from "./assign.js";
import type { Context } from "./context.js";
import { evaluate } from "./expression.js";
import { type Closure, describe, type Known, nothing } from "./known.js";
import { repeat } from "./loop.js";
import { isTrue } from "./operator.js";
import type { Scope } from "./scope.js";

/** How a statement ends, unless it simply ends. */
export type Completion = { is: "return"; known: Known; node: ts.Node } | { is: "break" | "continue"; node: ts.Node } | undefined;

export function runAll(c: Context, statements: readonly ts.Statement[], scope: Scope): Completion {
  hoist(statements, scope);
  for (const statement of statements) {
    const completion = run(c, statement, scope);
    if (completion) return completion;
  }
  return undefined;
}

/** Functions can be called before the line they are declared in; a variable is there from the start, without a value. */
export function hoist(statements: readonly ts.Statement[], scope: Scope): void {
  for (const node of statements) {
    if (ts.isFunctionDeclaration(node) && node.body && node.name)
      scope.declare(node.name.text, { known: { is: "closure", node: node as Closure["node"], scope }, kind: "const", node: node.name });
    if (ts.isVariableStatement(node))
      for (const name of node.declarationList.declarations.flatMap((d) => boundNames(d.name)))
        scope.declare(name.text, { known: undefined, kind: "const", node: name });
  }
}

/** The names that `const x`, `const { a, b: c }`, `const [x, y]` declare. */
export function boundNames(target: ts.BindingName): ts.Identifier[] {
  if (ts.isIdentifier(target)) return [target];
  return target.elements.flatMap((e) => (ts.isOmittedExpression(e) ? [] : boundNames(e.name)));
}

export function run(c: Context, node: ts.Statement, scope: Scope): Completion {
  if (ts.isVariableStatement(node)) variables(c, node, scope);
  else if (ts.isExpressionStatement(node)) evaluate(c, node.expression, scope);
  else if (ts.isReturnStatement(node))
    return { is: "return", known: node.expression ? evaluate(c, node.expression, scope) : nothing, node };
  else if (ts.isBlock(node)) return runAll(c, node.statements, scope.ofBlock());
  else if (ts.isIfStatement(node)) {
    const taken = isTrue(c, node.expression, evaluate(c, node.expression, scope)) ? node.thenStatement : node.elseStatement;
    return taken && run(c, taken, scope.ofBlock());
  } else if (ts.isForOfStatement(node)) return loop(c, node, scope);
  else if (ts.isBreakStatement(node)) return { is: "break", node };
  else if (ts.isContinueStatement(node)) return { is: "continue", node };
  else if (!isSilent(node))
    throw c.error(node, "syntax/statement", "this is not a statement of the language", { help: "docs/language.md lists what is" });
  return undefined;
}

const isSilent = (node: ts.Statement): boolean =>
  ts.isFunctionDeclaration(node) || ts.isTypeAliasDeclaration(node) || ts.isInterfaceDeclaration(node) || ts.isEmptyStatement(node);

function variables(c: Context, node: ts.VariableStatement, scope: Scope): void {
  const kind = node.declarationList.flags & ts.NodeFlags.Const ? "const" : "let";
  for (const { name, initializer } of node.declarationList.declarations) {
    if (initializer) declare(c, name, evaluate(c, initializer, scope), scope, kind);
    else if (ts.isIdentifier(name)) scope.declare(name.text, { known: nothing, kind, node: name });
  }
}

/** Over a stack the loop stays a loop; over an array known at compile time it is unrolled. */
function loop(c: Context, node: ts.ForOfStatement, scope: Scope): Completion {
  if (!ts.isVariableDeclarationList(node.initializer))
    throw c.error(node.initializer, "syntax/loop", "a loop has a variable of its own", {
      help: `write for (const ${node.initializer.getText()} of …)`,
    });
  const { name } = node.initializer.declarations[0]!;
  const over = evaluate(c, node.expression, scope);
  if (over.is === "layers") {
    if (!ts.isIdentifier(name))
      throw c.error(name, "syntax/loop", "a layer of a stack is a function and has no parts here", {
        help: "write for (const layer of …) x = layer(x);",
      });
    repeat(c, node, name, over, scope);
    return undefined;
  }
  if (over.is !== "array")
    throw c.error(
      node.expression,
      "syntax/loop",
      `a loop goes over a stack of the model, or over an array known at compile time; this is ${describe(over)}`,
      { help: "what a tensor holds is computed all at once: linear, softmax and their like go over whole dimensions" },
    );
  for (const item of over.items) {
    const inside = scope.ofBlock();
    declare(c, name, item, inside, "const");
    const completion = run(c, node.statement, inside);
    if (completion?.is === "return") return completion;
    if (completion?.is === "break") break;
  }
  return undefined;
}
