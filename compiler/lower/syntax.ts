/** The part of TypeScript that is not in the language, each with what to write instead. */
import { ts } from "ts-morph";
import type { Diagnostic } from "../diagnostics.js";
import type { Project } from "./project.js";

interface Refusal {
  slug: string;
  message: string;
  help?: string;
}

const K = ts.SyntaxKind;
const loop: Refusal = {
  slug: "syntax/loop",
  message: "how often something is repeated must be known from the model itself: the only loop is for … of, over a stack or an array",
  help: "write for (const layer of p.layers) x = layer(x);",
};
const classes: Refusal = {
  slug: "syntax/class",
  message: "there are no classes in a model",
  help: "write a block: block({ … }, (p, x) => …), or a function",
};
const errors: Refusal = {
  slug: "syntax/throw",
  message: "a model is read and never run: nothing can be thrown or caught in it",
  help: "leave it out; mlac checks shapes, sizes and options itself",
};
const later: Refusal = {
  slug: "syntax/async",
  message: "a model is read and never run: nothing in it can wait",
  help: "write a plain function",
};
const modules: Refusal = {
  slug: "syntax/module",
  message: "files are put together with import and export only",
  help: 'write import { … } from "./file.ts"',
};

const refused: ReadonlyMap<ts.SyntaxKind, Refusal> = new Map([
  [K.WhileStatement, loop],
  [K.DoStatement, loop],
  [K.ForStatement, loop],
  [K.ForInStatement, loop],
  [
    K.SwitchStatement,
    { slug: "syntax/switch", message: "there is no switch in a model", help: "write if (…) … else …, or condition ? a : b, on constants" },
  ],
  [K.TryStatement, errors],
  [K.ThrowStatement, errors],
  [K.ClassDeclaration, classes],
  [K.ClassExpression, classes],
  [K.NewExpression, classes],
  [K.ThisKeyword, classes],
  [K.SuperKeyword, classes],
  [K.AwaitExpression, later],
  [K.AsyncKeyword, later],
  [K.YieldExpression, later],
  [K.EnumDeclaration, { slug: "syntax/enum", message: "there are no enums in a model", help: "write const name = { … } as const" }],
  [K.ModuleDeclaration, modules],
  [K.ImportEqualsDeclaration, modules],
  [K.NamespaceImport, { slug: "syntax/import", message: "import what is used by name", help: 'write import { linear, … } from "mlac"' }],
  [K.ImportKeyword, modules],
  [K.MetaProperty, modules],
  [
    K.LabeledStatement,
    { slug: "syntax/label", message: "there are no labels in a model", help: "leave it out: a break ends the loop it stands in" },
  ],
  [
    K.DebuggerStatement,
    {
      slug: "syntax/debugger",
      message: "a model is read and never run: there is nothing to debug",
      help: "`mlac build --emit graph` shows what became of it",
    },
  ],
  [K.DeleteExpression, { slug: "syntax/assign", message: "objects do not change", help: "write a new one: { ...old, key: value }" }],
  [
    K.TypeOfExpression,
    {
      slug: "syntax/typeof",
      message: "there is no typeof in a model",
      help: "compare with undefined, or pass a constant that says what is meant",
    },
  ],
  [K.VoidExpression, { slug: "syntax/void", message: "there is no void in a model", help: "write undefined" }],
  [
    K.RegularExpressionLiteral,
    { slug: "syntax/pattern", message: "there are no regular expressions in a model", help: "compare texts whole, with ===" },
  ],
  [
    K.TaggedTemplateExpression,
    { slug: "syntax/template", message: "there are no tagged templates in a model", help: "call the function with ( )" },
  ],
  [K.BigIntLiteral, { slug: "syntax/number", message: "numbers in a model are ordinary ones", help: "leave out the n" }],
  [K.GetAccessor, { slug: "syntax/accessor", message: "objects in a model hold values", help: "write name: value" }],
  [K.SetAccessor, { slug: "syntax/accessor", message: "objects in a model hold values", help: "write name: value" }],
  [K.MethodDeclaration, { slug: "syntax/method", message: "objects in a model have no methods", help: "write name: (x) => …" }],
  [K.Decorator, classes],
]);

const operators: ReadonlyMap<ts.SyntaxKind, Refusal> = new Map([
  [K.CommaToken, { slug: "syntax/comma", message: "two expressions in one are hard to read", help: "write two statements" }],
  [K.InstanceOfKeyword, classes],
  [K.InKeyword, { slug: "syntax/in", message: "there is no `in` in a model", help: "compare with undefined: object.key === undefined" }],
]);

const generator: Refusal = { slug: "syntax/generator", message: "there are no generators in a model", help: "write a plain function" };
const variable: Refusal = {
  slug: "syntax/var",
  message: "a variable is declared by const, or by let if it changes",
  help: "write const or let",
};

/** All at once: one message for each place in `file` that is not in the language. */
export function refuseSyntax(project: Project, file: ts.SourceFile): Diagnostic[] {
  const found: Diagnostic[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isTypeAliasDeclaration(node)) return;
    const refusal = refuse(node);
    if (refusal) found.push({ ...refusal, frames: [{ span: firstLine(project, node) }] });
    else ts.forEachChild(node, visit);
  };
  ts.forEachChild(file, visit);
  return found;
}

/** Modifiers such as `declare` make a statement a mere statement about types. */
function refuse(node: ts.Node): Refusal | undefined {
  if (ts.isBinaryExpression(node)) return operators.get(node.operatorToken.kind);
  if (ts.isVariableDeclarationList(node) && (node.flags & ts.NodeFlags.BlockScoped) === 0) return variable;
  if ((ts.isFunctionDeclaration(node) || ts.isFunctionExpression(node)) && node.asteriskToken) return generator;
  if (ts.isForOfStatement(node) && node.awaitModifier) return later;
  return refused.get(node.kind);
}

/** A whole class or loop would be underlined far and wide: only its first line is, without a comment at its end. */
function firstLine(project: Project, node: ts.Node) {
  const span = project.span(node);
  if (span.endLine === span.line) return span;
  const file = node.getSourceFile();
  const start = node.getStart();
  const scanner = ts.createScanner(
    file.languageVersion,
    true,
    file.languageVariant,
    file.text.slice(start, file.getLineEndOfPosition(start)),
  );
  let length = 0;
  while (scanner.scan() !== K.EndOfFileToken) length = scanner.getTokenEnd();
  return project.spanOf(file, start, start + length);
}
