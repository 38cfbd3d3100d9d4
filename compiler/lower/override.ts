/** `--set NAME=VALUE`: which literal of the source a name means, and what stands there instead. */
import { ts } from "ts-morph";
import { fail } from "../diagnostics.js";
import { nearest } from "../nearest.js";
import { type Constant, constant } from "./known.js";
import type { Project } from "./project.js";

interface Place {
  /** The literal, with its sign. */
  node: ts.Expression;
  value: number | string | boolean;
}

/**
 * A name is that of a constant (`layers`), of an entry of `dims({ … })` (`H`), or of an entry within a constant (`sizes.H`,
 * `rate.weight`); the plan's own are `train.steps`. Errors: use/set.
 */
export function overrides(project: Project, set: Readonly<Record<string, string>>): ReadonlyMap<ts.Node, Constant> {
  const replaced = new Map<ts.Node, Constant>();
  if (Object.keys(set).length === 0) return replaced;
  const places = new Map<string, Place[]>();
  for (const file of project.userFiles) collect(file, (name, place) => places.set(name, [...(places.get(name) ?? []), place]));
  for (const [name, text] of Object.entries(set)) {
    const [place, another] = places.get(name) ?? [];
    if (!place) refuseName(project, name, [...places.keys()]);
    if (another)
      fail("use/set", `--set ${name}: the model has more than one constant or size of that name`, {
        spans: [place, another].map((p) => project.span(p.node)),
        help: "put the constant before it, as in sizes.D, or give one of them another name",
      });
    replaced.set(place.node, { ...constant(replacement(project, name, text, place)), replaced: place.node });
  }
  return replaced;
}

function replacement(project: Project, name: string, text: string, { node, value }: Place): Constant["value"] {
  if (typeof value === "string") return text;
  const number = Number(text.replaceAll("_", ""));
  if (typeof value === "number" && text.trim() !== "" && Number.isFinite(number)) return number;
  if (typeof value === "boolean" && (text === "true" || text === "false")) return text === "true";
  fail("use/set", `--set ${name}=${text}: ${name} is a ${typeof value === "boolean" ? "choice of true or false" : "number"} in the model`, {
    spans: [project.span(node)],
    help: `write it as it is in the model: --set ${name}=${value}`,
  });
}

function refuseName(project: Project, name: string, names: readonly string[]): never {
  for (const file of project.userFiles)
    for (const statement of file.statements)
      for (const declaration of ts.isVariableStatement(statement) ? statement.declarationList.declarations : [])
        if (ts.isIdentifier(declaration.name) && declaration.name.text === name)
          fail("use/set", `--set ${name}: ${name} is computed in the model, so there is no number or text to replace`, {
            spans: [project.span(declaration)],
            help: "set what it is computed from",
          });
  fail("use/set", `--set ${name}: the model has no constant or size of that name`, {
    help: "what can be set is written as a number or a text in the file: const layers = 12",
    ...nearest(name, names),
  });
}

type Found = (name: string, place: Place) => void;

function collect(file: ts.SourceFile, found: Found): void {
  for (const statement of file.statements) {
    if (ts.isVariableStatement(statement) && statement.declarationList.flags & ts.NodeFlags.Const)
      for (const { name, initializer } of statement.declarationList.declarations)
        if (ts.isIdentifier(name) && initializer) within(initializer, name.text, found);
    if (ts.isExportAssignment(statement)) {
      const plan = plain(statement.expression);
      if (ts.isCallExpression(plan)) within(plan, "train", found);
    }
  }
}

/** Literals, entries of objects, and options of calls such as muon({ … }). */
function within(expression: ts.Expression, name: string, found: Found): void {
  const node = plain(expression);
  const value = literal(node);
  if (value !== undefined) found(name, { node, value });
  else if (ts.isObjectLiteralExpression(node)) entries(node, found, (key) => [`${name}.${key}`]);
  else if (ts.isCallExpression(node)) {
    const options = node.arguments.map(plain).find(ts.isObjectLiteralExpression);
    const isDims = node.expression.getText() === "dims";
    if (options && node.expression.getText() !== "block")
      entries(options, found, (key) => (isDims ? [key, `${name}.${key}`] : [`${name}.${key}`]));
  }
}

function entries(node: ts.ObjectLiteralExpression, found: Found, names: (key: string) => string[]): void {
  for (const p of node.properties)
    if (ts.isPropertyAssignment(p) && (ts.isIdentifier(p.name) || ts.isStringLiteral(p.name)))
      for (const name of names(p.name.text)) within(p.initializer, name, found);
}

/** Without ( ), as and satisfies. */
function plain(node: ts.Expression): ts.Expression {
  return ts.isParenthesizedExpression(node) || ts.isAsExpression(node) || ts.isSatisfiesExpression(node) ? plain(node.expression) : node;
}

function literal(node: ts.Expression): Place["value"] | undefined {
  if (ts.isNumericLiteral(node)) return Number(node.text);
  if (ts.isStringLiteralLike(node)) return node.text;
  if (node.kind === ts.SyntaxKind.TrueKeyword || node.kind === ts.SyntaxKind.FalseKeyword) return node.kind === ts.SyntaxKind.TrueKeyword;
  if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.MinusToken && ts.isNumericLiteral(node.operand))
    return -Number(node.operand.text);
  return undefined;
}
