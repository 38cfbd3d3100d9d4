/** A model with certain fusion choices, as text: what there is to choose from, and which choices make the same program. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildOptions } from "../build.js";
import { type ChoiceName, type Choices, choicesOf } from "../choices.js";
import { type Emission, emitLowered } from "../compile.js";
import type { Lowered } from "../lower/index.js";
import type { Manifest } from "../manifest.js";
import { totalBytes } from "../memory.js";
import { root } from "../package.js";
import type { Target } from "../target.js";

export interface Variant {
  /** For those who watch. */
  title?: string;
  choices: Choices;
  /** Stands for the emitted program: two variants of one key are the same program. */
  key: string;
  manifest: Manifest;
  /** A hash of each kernel's code, by its name in this variant; without that name, and without comments. */
  prints: ReadonlyMap<string, string>;
  /** The same of the optimizer. */
  update: string;
  planBytes: number;
}

const hash = (...texts: readonly string[]): string => {
  const sum = createHash("sha256");
  for (const text of texts) sum.update(`${text.length}\n`).update(text);
  return sum.digest("hex").slice(0, 32);
};

/** Errors: whatever is wrong with the model, plan/memory. */
export function variantOf(build: BuildOptions, model: Lowered, choices: Choices, threads: number): Variant {
  const emitted = emitLowered(build, model, choices);
  const { manifest, kernels, programs, update } = emitted;
  const texts = kernels.map(({ text }) => text);
  return {
    choices: manifest.fuse as Choices,
    key: hash(build.dtype, ...texts, ...Object.values(programs).flat(), update.text, String(manifest.memory.total), library(build.target)),
    manifest,
    prints: new Map(kernels.map(({ name, text }) => [name, hash(bare(text))])),
    update: hash(withoutPlaces(emitted)),
    planBytes: totalBytes(manifest.memory, threads),
  };
}

const bare = (text: string): string => text.replace(/^\s*\/\/.*$/gm, "").replace(/\b(fwd|bwd|eval|next)_\d+_/g, "$1_");

/** Where tensors lie depends on the rest of the plan. */
const withoutPlaces = ({ update }: Emission): string => bare(update.text).replace(/\b\d{4,}\b/g, "#");

const libraries = new Map<Target, string>();

/** The headers and the session that every build of a target takes with it, by what is in them. */
function library(target: Target): string {
  const known = libraries.get(target);
  if (known !== undefined) return known;
  const folders = [join("templates", target, "lib"), "runtime/native", ...(target === "cuda" ? ["runtime/native/cuda"] : [])];
  const texts = folders.flatMap((folder) =>
    readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => `${name}\n${readFileSync(join(root, folder, name), "utf8")}`)
      .sort(),
  );
  const made = hash(...texts);
  libraries.set(target, made);
  return made;
}

/** What a choice can be on a target, for a model that sees so many tokens at once; `here` is among it, whatever it is. */
export function valuesOf(name: ChoiceName, target: Target, tokens: number, here: string): readonly string[] {
  const { values, withNumber = [], auto } = choicesOf(name, target);
  const numbered = withNumber.includes("chunk") ? chunks(auto, tokens) : [];
  return [...new Set([...values, ...numbered, here])];
}

/** Half, once and twice the default's rows, as far as that is less than all. */
function chunks(auto: string, tokens: number): string[] {
  const rows = Number(/^chunk:(\d+)$/.exec(auto)?.[1] ?? 512);
  return [rows / 2, rows, 2 * rows].filter((n) => n < tokens).map((n) => `chunk:${n}`);
}

export const givesUpOrder = (name: ChoiceName, value: string, target: Target): boolean =>
  choicesOf(name, target).unordered?.includes(value) ?? false;
