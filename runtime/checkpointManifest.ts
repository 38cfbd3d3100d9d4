/** manifest.json of a checkpoint: what the folder holds and what it must hash to. Written last, so that a folder with one is whole. */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fail, MlacError } from "../compiler/diagnostics.js";
import { hashFile, reasonOf, shortPath, type Written } from "./durable.js";
import type { TensorInfo } from "./safetensors.js";

export const manifestName = "manifest.json";
export const fileNames = ["model.safetensors", "optimizer.safetensors", "state.json"] as const;
export type FileName = (typeof fileNames)[number];

export interface CheckpointManifest {
  /** The manifest's own format. */
  format: 1;
  /** The version of mlac that wrote it. */
  mlac: string;
  /** Optimizer steps done. */
  step: number;
  /** Of the model's real numbers: f32 or f64. */
  dtype: string;
  /** sha256 over the parameters' names and shapes. */
  fingerprint: string;
  /** What the best checkpoint is chosen by, the lowest first: the validation loss. */
  score?: number;
  files: Record<FileName, Written>;
  /** sha256 of this manifest without this line. */
  sha256: string;
}

/** Depends on names and shapes, not on their order. */
export function fingerprintOf(tensors: readonly TensorInfo[]): string {
  const lines = tensors.map(({ name, shape }) => `${name} [${shape.join(", ")}]\n`).sort();
  return createHash("sha256").update(lines.join("")).digest("hex");
}

export function sealManifest(manifest: Omit<CheckpointManifest, "sha256">): string {
  const sha256 = createHash("sha256").update(JSON.stringify(manifest)).digest("hex");
  return `${JSON.stringify({ ...manifest, sha256 }, null, 2)}\n`;
}

/** The usual help of everything that makes a checkpoint unusable. */
const help = "use an older checkpoint; `mlac train --resume` finds the newest good one by itself";

export const unusable = (message: string): never => fail("run/checkpoint", message, { help });

/** Reads and checks a manifest, and that its files have their sizes. Quick: hashes no tensor. Errors: run/checkpoint. */
export async function readManifest(folder: string): Promise<CheckpointManifest> {
  const name = shortPath(join(folder, manifestName));
  const manifest = parseManifest(await textOf(folder), name);
  for (const file of fileNames) {
    const expected = manifest.files[file].bytes;
    const found = await stat(join(folder, file)).catch((error: unknown) =>
      unusable(`${basename(folder)}/${file} cannot be read: ${reasonOf(error)}`),
    );
    if (found.size !== expected) unusable(`${basename(folder)}/${file} has ${found.size} bytes; its manifest says ${expected}`);
  }
  return manifest;
}

/** Hashes every file of the checkpoint against its manifest. Errors: run/checkpoint, with the first file that differs. */
export async function verifyFiles(folder: string, manifest: CheckpointManifest): Promise<void> {
  for (const file of fileNames) {
    const { bytes, sha256 } = manifest.files[file];
    const found = await hashFile(join(folder, file)).catch((error: unknown) =>
      unusable(`${basename(folder)}/${file} cannot be read: ${reasonOf(error)}`),
    );
    if (found.bytes !== bytes || found.sha256 !== sha256)
      unusable(`${basename(folder)}/${file} is damaged: its contents are not those its manifest was made for`);
  }
}

async function textOf(folder: string): Promise<string> {
  try {
    return await readFile(join(folder, manifestName), "utf8");
  } catch (error) {
    return unusable(`${basename(folder)} has no readable ${manifestName} (${reasonOf(error)}): it was not finished`);
  }
}

/** A manifest must be, to the byte, what sealManifest made: so no damaged bit of it goes unseen. */
function parseManifest(text: string, name: string): CheckpointManifest {
  let manifest: CheckpointManifest;
  try {
    manifest = JSON.parse(text) as CheckpointManifest;
  } catch {
    return unusable(`${name} is damaged: it is not JSON`);
  }
  if (typeof manifest !== "object" || manifest === null) return unusable(`${name} is damaged: it is not an object`);
  const { sha256: _, ...rest } = manifest;
  if (sealManifest(rest) !== text) return unusable(`${name} is damaged: it does not match its own hash`);
  if (manifest.format !== 1) return unusable(`${name} has the format ${String(manifest.format)}; this version of mlac reads format 1`);
  if (fileNames.some((file) => typeof manifest.files?.[file]?.bytes !== "number")) return unusable(`${name} does not list the three files`);
  return manifest;
}

/** Names the first tensor in which a file and a model differ. Errors: run/foreign. */
export function compareTensors(saved: ReadonlyMap<string, TensorInfo>, wanted: readonly TensorInfo[], file: string): void {
  const help = "resume with the model.ts and the sizes that it was saved from, or start anew in another folder";
  for (const { name, dtype, shape } of wanted) {
    const found =
      saved.get(name) ?? fail("run/foreign", `${file} has no ${name} [${shape.join(", ")}]: it was saved from another model`, { help });
    if (found.shape.join() !== shape.join())
      fail("run/foreign", `${name} is [${found.shape.join(", ")}] in ${file} and [${shape.join(", ")}] in this model`, { help });
    if (found.dtype !== dtype) fail("run/foreign", `${name} is ${found.dtype} in ${file} and ${dtype} in this model`, { help });
  }
  const known = new Set(wanted.map(({ name }) => name));
  for (const { name, shape } of saved.values())
    if (!known.has(name))
      fail("run/foreign", `${file} has ${name} [${shape.join(", ")}], which this model does not: it was saved from another model`, {
        help,
      });
}

/** The sentence of a caught error: mlac's own, or what the system's code means. */
export const sentenceOf = (error: unknown): string => (error instanceof MlacError ? error.message : reasonOf(error));
