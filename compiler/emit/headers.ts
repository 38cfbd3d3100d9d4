/** Which headers of a target's library a built model takes with it: those that its files include, and what these include. */
import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { root } from "../package.js";
import type { Target } from "../target.js";

export const isHeader = (name: string): boolean => /\.(h|cuh)$/.test(name);

/** Parameters start with the same bits on every target. */
const sharedByTargets = ["random.h", "real.h", "scratch.h"];

/** Paths of the headers without holes that `texts` include, directly or by others, whatever the preprocessor makes of it. */
export async function headersOf(target: Target, texts: readonly string[]): Promise<string[]> {
  const library = await libraryOf(target);
  const found = new Set<string>();
  for (let reading = texts; reading.length > 0; ) {
    const fresh = [...new Set(reading.flatMap(included))].filter((name) => library.has(name) && !found.has(name));
    for (const name of fresh) found.add(name);
    reading = await Promise.all(fresh.map((name) => readFile(library.get(name)!, "utf8")));
  }
  return [...found].sort().map((name) => library.get(name)!);
}

/** Names without folders: `"../lib/kernel.h"` is kernel.h. */
const included = (text: string): string[] => [...text.matchAll(/^\s*#\s*include\s+"([^"]+)"/gm)].map(([, path]) => basename(path!));

/** By name. */
async function libraryOf(target: Target): Promise<ReadonlyMap<string, string>> {
  const folder = (of: Target): string => join(root, "templates", of, "lib");
  const own = (await readdir(folder(target))).filter(isHeader).map((name) => [name, join(folder(target), name)] as const);
  const shared = target === "cpu" ? [] : sharedByTargets.map((name) => [name, join(folder("cpu"), name)] as const);
  return new Map([...own, ...shared]);
}
