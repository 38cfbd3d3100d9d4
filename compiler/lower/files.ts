/** Where TypeScript gets its files from: its own library out of ts-morph, everything else from the disk. */
import { Project, ts } from "ts-morph";
import { ownFiles } from "./source.js";

/** ts-morph carries TypeScript's library with it, and its files seem to lie here. */
const libraryFolder = "/node_modules/typescript/lib";
const disk = new Project({ skipAddingFilesFromTsConfig: true, skipFileDependencyResolution: true }).getModuleResolutionHost();

/** TypeScript's library and mlac's own files are the same for every model: a process parses each of them once. */
const parsed = new Map<string, ts.SourceFile>();

function sourceFile(name: string, how: ts.ScriptTarget | ts.CreateSourceFileOptions): ts.SourceFile | undefined {
  const known = parsed.get(name);
  if (known) return known;
  const text = disk.readFile(name);
  if (text === undefined) return undefined;
  const file = ts.createSourceFile(name, text, how, true);
  if (name.startsWith(libraryFolder) || name.startsWith(ownFiles)) parsed.set(name, file);
  return file;
}

/** The program of one model. Every program is made with the same `options`, or they could not share files. */
export function programOf(main: string, options: ts.CompilerOptions): ts.Program {
  const host: ts.CompilerHost = {
    ...disk,
    getSourceFile: sourceFile,
    getCurrentDirectory: () => process.cwd(),
    getDefaultLibFileName: () => `${libraryFolder}/lib.d.ts`,
    getDefaultLibLocation: () => libraryFolder,
    writeFile: () => undefined,
    getCanonicalFileName: (name) => name,
    useCaseSensitiveFileNames: () => true,
    getNewLine: () => "\n",
  };
  return ts.createProgram({ rootNames: [main], options, host });
}
