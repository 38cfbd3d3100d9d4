/** How spans name files, and the way back from such a name to the text. */
import { readFileSync, realpathSync } from "node:fs";
import { join, relative, resolve, sep } from "node:path";
import { root } from "../package.js";

/** The folder of the language and its blocks. */
export const ownFiles = realpathSync(join(root, "dsl"));

/** A file relative to model.ts's folder; what comes with mlac is `mlac/…` wherever mlac is installed. */
export function sourceName(folder: string, path: string): string {
  const inside = relative(ownFiles, path);
  const name = inside.startsWith("..") ? relative(folder, path) : join("mlac", inside);
  return name.split(sep).join("/");
}

/** The text of a file that a span of `model` names, or nothing if it cannot be read. */
export function sourceText(model: string, name: string): string | undefined {
  const path = name.startsWith("mlac/") ? join(ownFiles, name.slice("mlac/".length)) : resolve(model, "..", name);
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
