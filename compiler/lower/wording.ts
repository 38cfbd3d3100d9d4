/** What TypeScript's messages are in mlac's words. */
import { ts } from "ts-morph";
import type { Diagnostic } from "../diagnostics.js";
import { aboutArgument, aboutProperty } from "./argumentWording.js";
import { callFor } from "./operator.js";
import { aboutOptions } from "./optionWording.js";
import type { Project } from "./project.js";

/**
 * Several of them. One mistake, one message: TypeScript complains of both sides of an operator between tensors, and then, as their
 * product is a number to it, of where that number goes; and it can find two things wrong with one name.
 */
export function withoutEchoes(project: Project, diagnostics: readonly ts.Diagnostic[]): Diagnostic[] {
  const worded = diagnostics.map((d) => ({ d, ours: inOurWords(project, d) }));
  const computed = worded.some(({ ours }) => ours.slug === "syntax/operator");
  const told = new Set<string>();
  return worded.flatMap(({ d, ours }) => {
    const place = JSON.stringify(ours.frames);
    const follows = computed && /Type '(number|boolean)' is not assignable to type '/.test(textOf(d));
    if (told.has(place) || follows) return [];
    told.add(place);
    return [ours];
  });
}

const textOf = (d: ts.Diagnostic): string => ts.flattenDiagnosticMessageText(d.messageText, "\n");

/** One of TypeScript's messages. Slug: `type/TS` and its number, or that of the part of the language it is about. */
export function inOurWords(project: Project, d: ts.Diagnostic): Diagnostic {
  const text = textOf(d);
  const start = d.start ?? 0;
  const frames = d.file ? [{ span: project.spanOf(d.file, start, start + (d.length ?? 0)) }] : [];
  const node = d.file && nodeAt(d.file, start, start + (d.length ?? 0));
  const better = node && inWords(project, d.code, text, node);
  return { slug: `type/TS${d.code}`, message: text, frames, ...better };
}

type Words = Partial<Diagnostic>;

function inWords(project: Project, code: number, text: string, node: ts.Node): Words | undefined {
  const checker = project.program.getTypeChecker();
  const own = sentence(text);
  if (own !== undefined) return { message: own };
  const found = explain(project, code, node) ?? aboutOptions(checker, text, node);
  if (found) return found;
  if (code === 2345) return aboutArgument(checker, node);
  if (code === 2339 || code === 2551) return aboutProperty(checker, node);
  return code === 2367 ? { help: "give the constant a wider type, so that it can be changed: const kind: string = …" } : undefined;
}

/** mlac's own sentence, if TypeScript's message has one: the name of a type, "✗ linear: …", with quotes within it escaped. */
function sentence(text: string): string | undefined {
  const found = /"✗ ((?:[^"\\]|\\.)*)"/.exec(text) ?? /'✗ ((?:[^'\\]|\\.)*)'/.exec(text);
  return found?.[1]?.replace(/\\(.)/g, "$1");
}

const operands = new Set(["Tensor", "Weight", "Gain", "Bias", "Embedding", "Router"]);
const globals = new Set("console process require document window fetch setTimeout setInterval performance Buffer globalThis".split(" "));

/** Messages of TypeScript's that are right but say nothing about what to write. */
function explain(project: Project, code: number, node: ts.Node): Words | undefined {
  const typeName = (n: ts.Node): string => project.program.getTypeChecker().getTypeAtLocation(n).symbol?.name ?? "";
  if (code === 2362 || code === 2363 || code === 2365) {
    const binary = ts.isBinaryExpression(node) ? node : node.parent;
    if (!ts.isBinaryExpression(binary)) return undefined;
    const [left, right] = [binary.left, binary.right].map((side) => operands.has(typeName(side)));
    if (!left && !right) return undefined;
    const operator = binary.operatorToken.getText();
    const call = callFor(operator, [binary.left.getText(), left === true], [binary.right.getText(), right === true]);
    const help = call === undefined ? "compare and combine numbers known at compile time only" : `write ${call}`;
    return {
      slug: "syntax/operator",
      message: `tensors are not computed with ${operator}`,
      help,
      frames: [{ span: project.span(binary) }],
    };
  }
  if ((code === 2304 || code === 2580 || code === 2584 || code === 2591) && globals.has(node.getText()))
    return { slug: "syntax/global", message: `a model is read and never run: there is no ${node.getText()} in it` };
  const access = ts.isElementAccessExpression(node) || ts.isPropertyAccessExpression(node) ? node : node.parent;
  const of = access && (ts.isElementAccessExpression(access) || ts.isPropertyAccessExpression(access)) ? access.expression : undefined;
  if (!of || (code !== 2339 && code !== 2551 && code !== 7053) || typeName(of) !== "Iterable") return undefined;
  const loop = `write for (const layer of ${of.getText()}) x = layer(x);`;
  if (ts.isElementAccessExpression(access))
    return {
      slug: "syntax/stack-element",
      message: "the layers of a stack are all alike and have no numbers",
      help: `${loop} a layer that is different has a name of its own`,
    };
  return { slug: "syntax/stack-method", message: `a stack has no .${access.getText().slice(of.getText().length + 1)}`, help: loop };
}

/** The outermost node that spans exactly this text. */
function nodeAt(file: ts.SourceFile, start: number, end: number): ts.Node | undefined {
  const find = (node: ts.Node): ts.Node | undefined => {
    if (node.getStart(file) === start && node.end === end) return node;
    return ts.forEachChild(node, (child) => (child.pos <= start && child.end >= end ? find(child) : undefined));
  };
  return find(file);
}
