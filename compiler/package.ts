/** mlac's own folder, and what package.json says of it. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The nearest folder above this file with a package.json: the compiled files lie two below it, in dist/compiler. */
export const root = nearest(dirname(fileURLToPath(import.meta.url)));

export const version: string = (JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { version: string }).version;

function nearest(folder: string): string {
  const above = dirname(folder);
  return existsSync(join(folder, "package.json")) || above === folder ? folder : nearest(above);
}
