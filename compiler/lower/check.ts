/** TypeScript's own check, which comes before everything of mlac's, and what may be imported. */
import { ts } from "ts-morph";
import { type Diagnostic, MlacError } from "../diagnostics.js";
import type { Project } from "./project.js";
import { refuseSyntax } from "./syntax.js";
import { inOurWords, withoutEchoes } from "./wording.js";

/** More messages than that are no help. */
const most = 30;

/** Errors: type/TS2345 and the like; syntax/import; syntax/… for what is not in the language. */
export function check(project: Project): void {
  const files = project.userFiles;
  const { program } = project;
  refuse(files.flatMap((file) => program.getSyntacticDiagnostics(file)).map((d) => inOurWords(project, d)));
  refuse(files.flatMap((file) => imports(file).flatMap((specifier) => refuseImport(project, specifier))));
  refuse(
    withoutEchoes(
      project,
      files.flatMap((file) => program.getSemanticDiagnostics(file)),
    ),
  );
  refuse(files.flatMap((file) => refuseSyntax(project, file)));
}

function refuse(diagnostics: readonly Diagnostic[]): void {
  if (diagnostics.length > 0) throw new MlacError(diagnostics.slice(0, most));
}

function imports(file: ts.SourceFile): ts.StringLiteral[] {
  return file.statements.flatMap((s) =>
    (ts.isImportDeclaration(s) || ts.isExportDeclaration(s)) && s.moduleSpecifier && ts.isStringLiteral(s.moduleSpecifier)
      ? [s.moduleSpecifier]
      : [],
  );
}

const copy = "copy it next to the model, or put a package.json into the folder that holds both";

/** A model is made of the user's own files and of mlac's. */
function refuseImport(project: Project, specifier: ts.StringLiteral): Diagnostic[] {
  const frames = [{ span: project.span(specifier) }];
  if (!specifier.text.startsWith(".")) {
    if (specifier.text === "mlac" || specifier.text === "mlac/blocks") return [];
    const message = `a model can import from "mlac", "mlac/blocks" and its own files; "${specifier.text}" is neither`;
    return [{ slug: "syntax/import", message, frames, help: 'write import { … } from "./file.ts"' }];
  }
  const file = project.imported(specifier);
  if (!file || project.isUsers(file)) return [];
  return [{ slug: "syntax/import", message: `${specifier.text} lies outside of the model's project, ${project.root}`, frames, help: copy }];
}
