/** Whether a build is still what its inputs say, without loading the compiler: a few hashes, well under half a second. */
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { processor } from "./emit/compiler.js";
import { nvccPath } from "./emit/nvcc.js";
import type { Generation } from "./generation.js";
import { gpuFingerprint } from "./gpu.js";
import type { Manifest } from "./manifest.js";
import type { MeasuredChoices } from "./measured.js";
import { root } from "./package.js";
import type { Target } from "./target.js";

export interface Inputs {
  model: string;
  target: Target;
  dtype: string;
  /** The GPU's architecture, if one is asked for. */
  arch?: string;
  fuse: Record<string, string>;
  set: Record<string, string>;
  /** What `auto` stands for, where that was measured. */
  measured?: MeasuredChoices;
  /** What is asked of a build that generates. */
  generate?: Partial<Generation>;
}

const sha256 = (text: string | Buffer): string => createHash("sha256").update(text).digest("hex");
const sorted = (record: Readonly<Record<string, string>>): string =>
  JSON.stringify(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));

/** All that decides what is built, but for the model's own files. */
export function seal({ target, dtype, arch, fuse, set, measured, generate }: Inputs): string {
  const compiler = process.env.CXX ?? "";
  const gpu = target === "cuda" ? [arch ?? process.env.MLAC_ARCH ?? gpuFingerprint(), nvccItself()] : [];
  const chosen = measured ? [sorted(measured.fuse), JSON.stringify(measured.sizes ?? "any")] : [];
  const sizes = generate ? [JSON.stringify(Object.entries(generate).sort(([a], [b]) => (a < b ? -1 : 1)))] : [];
  return sha256([target, dtype, sorted(fuse), sorted(set), ...chosen, ...sizes, compiler, processor(), ...gpu, mlacItself()].join("\n"));
}

/** Which nvcc it is, without starting it. */
function nvccItself(): string {
  const path = nvccPath();
  if (path === undefined) return "";
  const real = realpathSync(path);
  const { size, mtimeMs } = statSync(real);
  return `${real} ${size} ${mtimeMs}`;
}

/** mlac's own code and templates, by names, sizes and times: whoever changes them gets a new build. */
function mlacItself(): string {
  const facts: string[] = [];
  const visit = (folder: string): void => {
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) visit(path);
      else if (/\.(js|hbs|h|cpp|cu|cuh)$/.test(entry.name)) {
        const { size, mtimeMs } = statSync(path);
        facts.push(`${path} ${size} ${mtimeMs}`);
      }
    }
  };
  for (const folder of ["dist/compiler", "templates", "runtime/native"]) if (existsSync(join(root, folder))) visit(join(root, folder));
  return sha256(facts.sort().join("\n"));
}

export const fileHash = (path: string): string => sha256(readFileSync(path));

/** The file that says what a build was made from. It is about one machine, so it is no part of the manifest. */
export const SEAL = "build.seal";

/** The manifest of the build in `directory` if it was made from exactly these inputs. */
export async function isUpToDate(directory: string, inputs: Inputs): Promise<Manifest | undefined> {
  const path = join(directory, "manifest.json");
  if (!existsSync(path) || !existsSync(join(directory, "model.so")) || !existsSync(join(directory, SEAL))) return undefined;
  try {
    if (readFileSync(join(directory, SEAL), "utf8") !== seal(inputs)) return undefined;
    const manifest = JSON.parse(readFileSync(path, "utf8")) as Manifest;
    const base = dirname(resolve(inputs.model));
    const same = manifest.sources.every(({ file, sha256: hash }) => {
      const at = file.startsWith("mlac/") ? join(root, "dsl", file.slice("mlac/".length)) : resolve(base, file);
      return existsSync(at) && fileHash(at) === hash;
    });
    return same ? manifest : undefined;
  } catch {
    return undefined; // a manifest that cannot be read is no build
  }
}
