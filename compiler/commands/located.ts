/** Places in diagnostics: the compiler names files from the model's folder, a person stands in another. */
import { existsSync, realpathSync } from "node:fs";
import { dirname, isAbsolute, join, relative, resolve } from "node:path";
import { type Diagnostic, MlacError } from "../diagnostics.js";
import { root } from "../package.js";

/** Does work on a model; the files in its diagnostics are then named from the current folder, so that they can be read and opened. */
export async function located<T>(model: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MlacError) || !existsSync(model)) throw error;
    const folder = dirname(realpathSync(resolve(model)));
    throw new MlacError(
      error.diagnostics.map((diagnostic) => fromHere(diagnostic, folder)),
      error.exitCode,
    );
  }
}

function fromHere(diagnostic: Diagnostic, folder: string): Diagnostic {
  const frames = diagnostic.frames.map((frame) => ({ ...frame, span: { ...frame.span, file: place(frame.span.file, folder) } }));
  return { ...diagnostic, frames };
}

function place(file: string, folder: string): string {
  if (isAbsolute(file)) return file;
  const path = file.startsWith("mlac/") ? join(root, "dsl", file.slice("mlac/".length)) : resolve(folder, file);
  const near = relative(process.cwd(), path);
  return near.startsWith("..") || isAbsolute(near) ? path : near;
}
