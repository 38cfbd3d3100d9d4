/** Opens model.ts and the files it imports. Nothing is run, and a tsconfig.json of the user's is not looked at. */
import { existsSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve, sep } from "node:path";
import { ts } from "ts-morph";
import { fail } from "../diagnostics.js";
import type { Span } from "../ir.js";
import { programOf } from "./files.js";
import { ownFiles as dsl, sourceName } from "./source.js";

export class Project {
  readonly program: ts.Program;
  readonly main: ts.SourceFile;
  /** The folder of model.ts: file names in spans are relative to it. */
  readonly folder: string;
  /** The user's files must lie below it: the nearest folder with a package.json, or else model.ts's own. */
  readonly root: string;
  readonly #names = new Map<ts.SourceFile, string>();

  constructor(file: string) {
    if (!existsSync(file)) fail("use/file", `there is no file ${file}`, { help: "`mlac init` writes a model.ts to start from" });
    if (!/\.[cm]?tsx?$/.test(file) || !statSync(file).isFile())
      fail("use/file", `${file} is not a TypeScript file`, { help: "a model is a file like model.ts" });
    const path = realpathSync(resolve(file));
    this.folder = dirname(path);
    this.root = projectRoot(this.folder);
    this.program = programOf(path, options);
    this.main = this.program.getSourceFile(path)!;
  }

  /** The user's own files. */
  get userFiles(): ts.SourceFile[] {
    return this.program.getSourceFiles().filter((file) => !file.isDeclarationFile && this.isUsers(file));
  }

  isUsers(file: ts.SourceFile): boolean {
    return isBelow(file.fileName, this.root) && !isBelow(file.fileName, dsl);
  }

  /** A file of the language itself: its functions are known to mlac by name. The blocks are written in the language. */
  isLanguage(file: ts.SourceFile): boolean {
    return isBelow(file.fileName, dsl) && !isBelow(file.fileName, join(dsl, "blocks"));
  }

  isBlocks(file: ts.SourceFile): boolean {
    return isBelow(file.fileName, join(dsl, "blocks"));
  }

  /** As in spans: `model.ts`, `parts/mixer.ts`, or `mlac/blocks/mla.ts` for what comes with mlac. */
  name(file: ts.SourceFile): string {
    const known = this.#names.get(file);
    if (known !== undefined) return known;
    const name = sourceName(this.folder, file.fileName);
    this.#names.set(file, name);
    return name;
  }

  span(node: ts.Node): Span {
    return this.spanOf(node.getSourceFile(), node.getStart(), node.getEnd());
  }

  spanOf(file: ts.SourceFile, from: number, to: number): Span {
    const start = file.getLineAndCharacterOfPosition(from);
    const end = file.getLineAndCharacterOfPosition(to);
    return {
      file: this.name(file),
      line: start.line + 1,
      column: start.character + 1,
      endLine: end.line + 1,
      endColumn: end.character + 1,
    };
  }

  /** Just behind the last statement of model.ts. */
  endOfMain(): Span {
    const end = this.main.statements.at(-1)?.end ?? 0;
    return this.spanOf(this.main, end, end);
  }

  /** The file that an import names, if it could be found. */
  imported(specifier: ts.Expression): ts.SourceFile | undefined {
    const symbol = this.program.getTypeChecker().getSymbolAtLocation(specifier);
    return symbol?.declarations?.find(ts.isSourceFile);
  }

  /** Whether the variable that a name stands for is declared within `node`. */
  isDeclaredIn(name: ts.Identifier, node: ts.Node): boolean {
    const checker = this.program.getTypeChecker();
    const { parent } = name;
    const symbol = ts.isShorthandPropertyAssignment(parent)
      ? checker.getShorthandAssignmentValueSymbol(parent)
      : checker.getSymbolAtLocation(name);
    const at = symbol?.valueDeclaration;
    return at !== undefined && at.getSourceFile() === node.getSourceFile() && at.pos >= node.pos && at.end <= node.end;
  }

  /** What is written between the < > of `Tokens<"B T">`, and the name before it. */
  typeOf(node: ts.Node): { name: string; shape: string } | undefined {
    const checker = this.program.getTypeChecker();
    const type = checker.getTypeAtLocation(node);
    const argument = type.symbol === undefined ? undefined : checker.getTypeArguments(type as ts.TypeReference)[0];
    return argument?.isStringLiteral() ? { name: type.symbol.name, shape: argument.value } : undefined;
  }
}

const options: ts.CompilerOptions = {
  strict: true,
  noEmit: true,
  target: ts.ScriptTarget.ES2023,
  lib: ["lib.es2023.d.ts"],
  module: ts.ModuleKind.ESNext,
  moduleResolution: ts.ModuleResolutionKind.Bundler,
  moduleDetection: ts.ModuleDetectionKind.Force,
  allowImportingTsExtensions: true,
  exactOptionalPropertyTypes: true,
  types: [],
  skipLibCheck: true,
  paths: { mlac: [join(dsl, "index.ts")], "mlac/blocks": [join(dsl, "blocks", "index.ts")] },
};

const isBelow = (path: string, folder: string): boolean => resolve(path).startsWith(folder.endsWith(sep) ? folder : folder + sep);

function projectRoot(folder: string): string {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, "package.json"))) return at;
    if (dirname(at) === at) return folder;
  }
}
