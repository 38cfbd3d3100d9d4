/** The files of a model: each is evaluated once, after the files it imports. */
import { ts } from "ts-morph";
import type { Context } from "./context.js";
import { evaluate } from "./expression.js";
import type { Known } from "./known.js";
import { Scope } from "./scope.js";
import { boundNames, hoist, run } from "./statement.js";

export interface Module {
  exports: ReadonlyMap<string, Known>;
  /** Where `export default` stands. */
  defaultAt?: ts.Node;
}

export class Modules {
  readonly #done = new Map<ts.SourceFile, Module>();
  /** The files that are being evaluated, and the import that each of them is evaluated for. */
  readonly #open: { file: ts.SourceFile; specifier?: ts.Expression }[] = [];

  constructor(readonly c: Context) {}

  /** The files that took part, in the order in which they were done. */
  get files(): ts.SourceFile[] {
    return [...this.#done.keys()];
  }

  evaluate(file: ts.SourceFile, specifier?: ts.Expression): Module {
    const known = this.#done.get(file);
    if (known) return known;
    this.#open.push({ file, ...(specifier && { specifier }) });
    const scope = Scope.ofModule();
    const exports = new Map<string, Known>();
    const module: Module = { exports };
    for (const statement of file.statements) if (ts.isImportDeclaration(statement)) this.#import(statement, scope);
    hoist(file.statements, scope);
    for (const statement of file.statements) this.#statement(statement, scope, exports, module);
    this.#open.pop();
    this.#done.set(file, module);
    return module;
  }

  #statement(node: ts.Statement, scope: Scope, exports: Map<string, Known>, module: Module): void {
    if (ts.isImportDeclaration(node)) return;
    if (ts.isExportAssignment(node)) {
      module.defaultAt = node;
      exports.set("default", evaluate(this.c, node.expression, scope));
    } else if (ts.isExportDeclaration(node)) this.#export(node, scope, exports);
    else if (!isAmbient(node)) {
      const completion = run(this.c, node, scope);
      if (completion) throw this.c.error(completion.node, "syntax/statement", `there is nothing to ${completion.is} from here`);
      for (const [name, as] of exportedNames(node)) {
        const known = scope.find(name)?.binding.known;
        if (known) exports.set(as, known);
      }
    }
  }

  #import({ importClause, moduleSpecifier }: ts.ImportDeclaration, scope: Scope): void {
    if (!importClause || importClause.phaseModifier === ts.SyntaxKind.TypeKeyword) return;
    const bindings = importClause.namedBindings;
    const names = bindings && ts.isNamedImports(bindings) ? bindings.elements.filter((e) => !e.isTypeOnly) : [];
    const pairs: [ts.Identifier, string][] = names.map((e) => [e.name, (e.propertyName ?? e.name).text]);
    if (importClause.name) pairs.push([importClause.name, "default"]);
    if (pairs.length === 0) return;
    for (const [local, name] of pairs) {
      const known = this.#exported(moduleSpecifier, name);
      if (known) scope.declare(local.text, { known, kind: "const", node: local });
    }
  }

  #export({ exportClause, moduleSpecifier, isTypeOnly }: ts.ExportDeclaration, scope: Scope, exports: Map<string, Known>): void {
    if (isTypeOnly) return;
    if (!exportClause) {
      for (const [name, known] of this.#from(moduleSpecifier!)?.exports ?? []) if (name !== "default") exports.set(name, known);
    } else if (ts.isNamedExports(exportClause))
      for (const element of exportClause.elements) {
        const name = (element.propertyName ?? element.name).text;
        const known = moduleSpecifier ? this.#exported(moduleSpecifier, name) : scope.find(name)?.binding.known;
        if (known) exports.set(element.name.text, known);
      }
    else throw this.c.error(exportClause, "syntax/import", "export what is used by name", { help: "write export { a, b } from …" });
  }

  /** Undefined for what is only a type. */
  #exported(specifier: ts.Expression, name: string): Known | undefined {
    const file = this.c.project.imported(specifier);
    if (file && this.c.project.isLanguage(file)) return { is: "builtin", name };
    return this.#from(specifier)?.exports.get(name);
  }

  #from(specifier: ts.Expression): Module | undefined {
    const file = this.c.project.imported(specifier);
    if (!file || file.isDeclarationFile)
      throw this.c.error(specifier, "syntax/import", `${specifier.getText()} is not a file of the model`);
    const cycle = this.#open.findIndex((open) => open.file === file);
    if (cycle >= 0) {
      const names = [...this.#open.slice(cycle).map((open) => open.file), file].map((f) => this.c.project.name(f));
      throw this.c.error(specifier, "syntax/import-cycle", `files import each other in a circle: ${names.join(" → ")}`, {
        also: this.#open.toReversed().flatMap((open) => (open.specifier ? [{ span: this.c.span(open.specifier) }] : [])),
        help: "move what both need to a file of its own",
      });
    }
    return this.evaluate(file, specifier);
  }
}

const hasModifier = (node: ts.Statement, kind: ts.SyntaxKind): boolean =>
  ts.canHaveModifiers(node) && (ts.getModifiers(node) ?? []).some((m) => m.kind === kind);

/** `declare const …` is a statement about types. */
const isAmbient = (node: ts.Statement): boolean => hasModifier(node, ts.SyntaxKind.DeclareKeyword);

/** What `export const { a, b } = …` and `export default function f` export: the name here, the name outside. */
function exportedNames(node: ts.Statement): [string, string][] {
  if (!hasModifier(node, ts.SyntaxKind.ExportKeyword)) return [];
  if (ts.isFunctionDeclaration(node)) {
    const name = node.name?.text;
    return name === undefined ? [] : [[name, hasModifier(node, ts.SyntaxKind.DefaultKeyword) ? "default" : name]];
  }
  if (!ts.isVariableStatement(node)) return [];
  return node.declarationList.declarations.flatMap((d) => boundNames(d.name)).map(({ text }) => [text, text]);
}
