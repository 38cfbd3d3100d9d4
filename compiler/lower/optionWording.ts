/** TypeScript's messages about objects of options: what is missing, what there is not, what is none of the words that fit. */
import { ts } from "ts-morph";
import type { Diagnostic } from "../diagnostics.js";
import { nearest } from "../nearest.js";

type Words = Pick<Diagnostic, "message" | "help">;

/** In place of two long types and the difference between them. `node` is what TypeScript marks. */
export function aboutOptions(checker: ts.TypeChecker, text: string, node: ts.Node): Words | undefined {
  return missing(text, node) ?? surplus(checker, text, node) ?? wrongWord(checker, text, node) ?? wrongOptimizer(text, node);
}

/** `sizes: C is missing` */
function missing(text: string, node: ts.Node): Words | undefined {
  const [, one, list = ""] =
    /Property '(\w+)' is missing in type|is missing the following properties from type '.*?': ([\w, ]+)/s.exec(text) ?? [];
  const names = one === undefined ? list.split(", ").filter((name) => /^\w+$/.test(name)) : [one];
  const of = literalName(node);
  if (of === undefined || names.length === 0 || text.includes("Types of property '[")) return undefined;
  return {
    message: `${of.getText()}: ${names.join(", ")} ${names.length > 1 ? "are" : "is"} missing`,
    help: `add ${names.map((name) => `${name}: …`).join(", ")}`,
  };
}

/** `cosine has no option warm` */
function surplus(checker: ts.TypeChecker, text: string, node: ts.Node): Words | undefined {
  const literal = node.parent.parent;
  if (!text.startsWith("Object literal may only specify known properties") || !literal || !ts.isObjectLiteralExpression(literal))
    return undefined;
  const of = ts.isPropertyAssignment(literal.parent) ? literal.parent.name : literalName(literal);
  if (!of) return undefined;
  const [name, owner] = [node.getText(), of.getText()];
  const names =
    checker
      .getContextualType(literal)
      ?.getProperties()
      .map((property) => property.name) ?? [];
  if (owner !== "optimizer") return { message: `${owner} has no option ${name}`, ...nearest(name, names) };
  return {
    message: `optimizer: the model has no parameters of the kind ${name}, and none of its own that is called ${name}`,
    help: nearest(name, names).help ?? 'name a kind, or a parameter by its path: "layers.attn.out"',
  };
}

/** `along is "S"; it must be "B", "T" or "H"`, where only certain texts fit. */
function wrongWord(checker: ts.TypeChecker, text: string, node: ts.Node): Words | undefined {
  const property = node.parent;
  if (!ts.isPropertyAssignment(property) || property.name !== node || !/^Type '".*"' is not assignable to type/.test(text))
    return undefined;
  const wanted = checker.getContextualType(property.initializer);
  const all = wanted?.isUnion() ? wanted.types : wanted ? [wanted] : [];
  const fitting = all.filter((type) => (type.flags & ts.TypeFlags.Undefined) === 0);
  if (fitting.length === 0 || !fitting.every((type) => type.flags & (ts.TypeFlags.StringLiteral | ts.TypeFlags.TemplateLiteral)))
    return undefined;
  const words = fitting
    .map((type) =>
      checker
        .typeToString(type)
        .replaceAll("`", '"')
        .replace(/\$\{number\}/, "NUMBER"),
    )
    .sort();
  const [given, last] = [property.initializer.getText(), words.pop()];
  const list = words.length > 0 ? `${words.join(", ")} or ${last}` : last;
  return { message: `${node.getText()} is ${given}; it must be ${list}`, ...closest(given, [...words, last ?? ""]) };
}

function wrongOptimizer(text: string, node: ts.Node): Words | undefined {
  if (!text.startsWith("Type 'Muon' is not assignable to type 'AdamW'")) return undefined;
  return { message: `muon moves matrices, and a ${node.getText()} is none`, help: "write adamw({ lr: … })" };
}

/** A help only where one of the words is meant: they are all in the message already. */
function closest(given: string, words: readonly string[]): { help?: string } {
  const bare = (word: string): string => word.replaceAll('"', "");
  const { help } = nearest(bare(given), words.map(bare));
  return help?.startsWith("did you mean") ? { help } : {};
}

/** What an object is called that TypeScript complains of: the option it is, or the function that it is the options of. */
function literalName(node: ts.Node): ts.Node | undefined {
  if (ts.isShorthandPropertyAssignment(node)) return node.name;
  if (ts.isIdentifier(node) && ts.isPropertyAssignment(node.parent)) return node;
  const literal = ts.isObjectLiteralExpression(node) ? node : node.parent;
  return ts.isObjectLiteralExpression(literal) && ts.isCallExpression(literal.parent) ? literal.parent.expression : undefined;
}
