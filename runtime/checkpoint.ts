/**
 * Checkpoints: a folder `step-000123` of model.safetensors, optimizer.safetensors, state.json and manifest.json.
 *
 * It is written under another name, synced, and renamed when whole; a crash or a full disk at any moment leaves the older
 * ones as they were. Nothing of one is used before all of it has been hashed against its manifest.
 */
import { readFile, statfs } from "node:fs/promises";
import { basename, join } from "node:path";
import { fail } from "../compiler/diagnostics.js";
import { checkpointsIn, folderName, removeLeftovers, retain } from "./checkpointFolders.js";
import {
  type CheckpointManifest,
  compareTensors,
  type FileName,
  fingerprintOf,
  manifestName,
  readManifest,
  sealManifest,
  sentenceOf,
  unusable,
  verifyFiles,
} from "./checkpointManifest.js";
import { codeOf, type Disk, realDisk, reasonOf, replaceFile, syncFolder, type Written } from "./durable.js";
import { openSafetensors, type TensorInfo, writeSafetensors } from "./safetensors.js";

/** Where tensors come from and go to: a session's parameters, or its optimizer's state. */
export interface TensorStore {
  names(): readonly TensorInfo[];
  /** Elements row-major, little-endian. */
  read(name: string): Uint8Array | Promise<Uint8Array>;
  write(name: string, bytes: Uint8Array): void | Promise<void>;
}

export interface Stores {
  parameters: TensorStore;
  optimizer: TensorStore;
}

export interface Saving extends Stores {
  /** Optimizer steps done. */
  step: number;
  /** Position in the data, states of random generators, windows of losses: anything that JSON can hold. */
  state: Readonly<Record<string, unknown>>;
  /** Of the model's real numbers. */
  dtype: string;
  /** mlac's version. */
  mlac: string;
  /** The validation loss, where there is one; the checkpoint with the lowest is never removed. */
  score?: number;
  /** How many of the newest are kept; at least 1. */
  keep: number;
}

export interface Saved {
  path: string;
  bytes: number;
  /** Folders of older checkpoints that retention removed. */
  removed: string[];
  /** What did not work and does no harm: an old checkpoint that could not be removed. */
  warnings: string[];
}

/**
 * Saves into `root`/step-…, then removes what `keep` does not keep. One process at a time saves into a root.
 * Errors: run/disk when the disk is full or fails; then nothing has changed, and training can go on.
 */
export async function saveCheckpoint(root: string, saving: Saving, disk: Disk = realDisk): Promise<Saved> {
  const name = folderName(saving.step);
  const partial = join(root, `.${name}.partial-${process.pid}`);
  const path = join(root, name);
  try {
    await disk.mkdir(root, { recursive: true });
    await removeLeftovers(root, disk);
    await disk.mkdir(partial);
    const bytes = await writeFolder(partial, saving, disk);
    await putInPlace(partial, path, disk);
    await syncFolder(root, disk);
    return { path, bytes, ...(await retain(root, saving.keep, path, disk)) };
  } catch (error) {
    await disk.rm(partial, { recursive: true, force: true }).catch(() => {});
    if (codeOf(error) === undefined) throw error;
    const free = codeOf(error) === "ENOSPC" ? ` (${await freeSpace(root).catch(() => "how full is not known")})` : "";
    return fail(
      "run/disk",
      `the checkpoint of step ${saving.step} could not be written into ${root}: ${reasonOf(error)}${free}. The older ones are untouched`,
      {
        help: "make room, or keep fewer checkpoints: checkpoint: { keep: 1 }",
      },
    );
  }
}

async function writeFolder(folder: string, saving: Saving, disk: Disk): Promise<number> {
  const parameters = saving.parameters.names();
  const optimizer = saving.optimizer.names();
  const state = Buffer.from(`${stateText(saving)}\n`);
  const files: Record<FileName, Written> = {
    "model.safetensors": await writeSafetensors(join(folder, "model.safetensors"), parameters, (name) => saving.parameters.read(name), {
      disk,
    }),
    "optimizer.safetensors": await writeSafetensors(
      join(folder, "optimizer.safetensors"),
      optimizer,
      (name) => saving.optimizer.read(name),
      { disk },
    ),
    "state.json": await replaceFile(join(folder, "state.json"), (write) => write(state), disk),
  };
  const { step, dtype, mlac, score } = saving;
  const fingerprint = fingerprintOf(parameters);
  const manifest = Buffer.from(
    sealManifest({ format: 1, mlac, step, dtype, fingerprint, ...(Number.isFinite(score) ? { score: Number(score) } : {}), files }),
  );
  await syncFolder(folder, disk);
  const { bytes } = await replaceFile(join(folder, manifestName), (write) => write(manifest), disk);
  await syncFolder(folder, disk);
  return Object.values(files).reduce((sum, file) => sum + file.bytes, bytes);
}

/** JSON would turn NaN and infinities into null without a word. */
function stateText({ step, state }: Saving): string {
  return JSON.stringify({ step, ...state }, (key, value: unknown) => {
    if (typeof value === "number" && !Number.isFinite(value)) throw new Error(`the state "${key}" is ${value}, which JSON cannot hold`);
    return value;
  });
}

/** A checkpoint of the same step is set aside until the new one is there; its name still counts as a checkpoint. */
async function putInPlace(partial: string, path: string, disk: Disk): Promise<void> {
  try {
    await disk.rename(partial, path);
  } catch (error) {
    if (codeOf(error) !== "ENOTEMPTY" && codeOf(error) !== "EEXIST") throw error;
    await disk.rm(`${path}.replaced`, { recursive: true, force: true });
    await disk.rename(path, `${path}.replaced`);
    await disk.rename(partial, path);
  }
}

async function freeSpace(folder: string): Promise<string> {
  const { bavail, bsize } = await statfs(folder);
  return `${Math.floor((bavail * bsize) / 1e6)} MB free`;
}

/** A checkpoint all of whose files have been hashed and found right. */
export interface Checkpoint {
  path: string;
  step: number;
  manifest: CheckpointManifest;
  /** As it was given to saveCheckpoint, and `step`. */
  state: Readonly<Record<string, unknown>>;
}

/**
 * Hashes the checkpoint in `path`, unless it is `hashed`: whoever started this process has done so just before. Errors: run/checkpoint
 * when it is unfinished, damaged or cut short.
 */
export async function openCheckpoint(path: string, hashed = false): Promise<Checkpoint> {
  const manifest = await readManifest(path);
  if (!hashed) await verifyFiles(path, manifest);
  const state = JSON.parse(await readFile(join(path, "state.json"), "utf8")) as Record<string, unknown>;
  if (state["step"] !== manifest.step) unusable(`${basename(path)} contradicts itself about its step`);
  return { path, step: manifest.step, manifest, state };
}

export interface Latest {
  /** Absent where there is no good one. */
  checkpoint?: Checkpoint;
  /** Newer ones that cannot be used, and why: a sentence each. */
  rejected: { path: string; reason: string }[];
}

/** The newest good checkpoint in `root`. Unfinished and damaged ones are passed over and reported. */
export async function latestCheckpoint(root: string): Promise<Latest> {
  const rejected: Latest["rejected"] = [];
  for (const { path } of await checkpointsIn(root)) {
    try {
      return { checkpoint: await openCheckpoint(path), rejected };
    } catch (error) {
      rejected.push({ path, reason: sentenceOf(error) });
    }
  }
  return { rejected };
}

/**
 * Copies a checkpoint's tensors into the stores; without `optimizer` only the parameters. All names, shapes and dtypes are
 * compared before the first is copied. Errors: run/foreign, with the first tensor that differs; run/dtype.
 */
export async function restoreCheckpoint(
  checkpoint: Checkpoint,
  stores: { parameters: TensorStore; optimizer?: TensorStore; dtype: string },
): Promise<void> {
  const { path, manifest } = checkpoint;
  if (manifest.dtype !== stores.dtype)
    fail("run/dtype", `${basename(path)} was saved from a model built as ${manifest.dtype}; this one is built as ${stores.dtype}`, {
      help: `build it as ${manifest.dtype}, or start anew in another folder`,
    });
  const parts = [{ file: "model.safetensors", store: stores.parameters }];
  if (stores.optimizer !== undefined) parts.push({ file: "optimizer.safetensors", store: stores.optimizer });
  const open = parts.map(({ file, store }) => ({ tensors: openSafetensors(join(path, file)), store }));
  try {
    for (const { tensors, store } of open) compareTensors(tensors.tensors, store.names(), `${basename(path)}/${basename(tensors.path)}`);
    for (const { tensors, store } of open) for (const name of tensors.tensors.keys()) await store.write(name, tensors.read(name));
  } finally {
    for (const { tensors } of open) tensors.close();
  }
}
