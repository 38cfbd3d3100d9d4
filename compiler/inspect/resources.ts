/** Registers, shared memory and spills of kernels, where a build has kept what the assembler said of just this text. */
import { existsSync, readFileSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { resourcesOf } from "../emit/resources.js";
import type { KernelFacts, Resources } from "./inspection.js";

const ending = ".ptxas.txt";
/** The library's pipelines, which ask for the shared memory of their tiles when they are launched: the assembler does not see it. */
const atLaunch = /^#include "\.\.\/lib\/(contract|attention|cross_entropy)/m;

/** By the kernel's name; of kernels whose file in the build is another, nothing. */
export async function builtResources(directory: string, kernels: readonly KernelFacts[]): Promise<Map<string, Resources>> {
  const folder = join(directory, "objects");
  const found = new Map<string, Resources>();
  if (!existsSync(folder)) return found;
  const logs = (await readdir(folder)).filter((name) => name.endsWith(ending));
  const times = new Map(await Promise.all(logs.map(async (name) => [name, (await stat(join(folder, name))).mtimeMs] as const)));
  // A kernel that was changed leaves the log of its old text: the newest counts.
  const inTime = [...logs].sort((a, b) => times.get(a)! - times.get(b)!).map((name) => name.slice(0, -ending.length));
  const all = await resourcesOf(folder, inTime);
  for (const { name, file, text } of kernels) {
    const entries = all.get(name);
    if (entries === undefined || entries.length === 0 || textOf(join(directory, file)) !== text) continue;
    const most = (of: "registers" | "sharedBytes" | "spillBytes"): number => Math.max(...entries.map((entry) => entry[of]));
    found.set(name, {
      registers: most("registers"),
      sharedBytes: most("sharedBytes"),
      sharedAtLaunch: atLaunch.test(text),
      spillBytes: most("spillBytes"),
    });
  }
  return found;
}

function textOf(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}
