/** Files that are whole or not there: written beside their place, synced, renamed; and what the system's error codes mean. */
import { createHash } from "node:crypto";
import * as fs from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fail, MlacError } from "../compiler/diagnostics.js";

/** The calls that change something on a disk, so that tests can let each of them fail. */
export type Disk = Pick<typeof fs, "open" | "rename" | "mkdir" | "rm">;
export const realDisk: Disk = fs;

export interface Written {
  bytes: number;
  /** Of the whole file, in hexadecimal. */
  sha256: string;
}

/** `write` may take less than it was given; this goes on until all is taken. */
export async function writeAll(file: fs.FileHandle, data: Uint8Array): Promise<void> {
  for (let done = 0; done < data.byteLength; ) done += (await file.write(data, done, data.byteLength - done)).bytesWritten;
}

/**
 * Puts a file in place at once: `fill` writes into "<path>.partial", which is synced and renamed. If anything fails the
 * partial file is removed and what was at `path` stays. The rename itself is lasting after `syncFolder(dirname(path))`.
 */
export async function replaceFile(
  path: string,
  fill: (write: (data: Uint8Array) => Promise<void>) => Promise<void>,
  disk: Disk = realDisk,
): Promise<Written> {
  const partial = `${path}.partial`;
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    const file = await disk.open(partial, "w");
    try {
      await fill(async (data) => {
        await writeAll(file, data);
        hash.update(data);
        bytes += data.byteLength;
      });
      await file.sync();
    } finally {
      await file.close();
    }
    await disk.rename(partial, path);
  } catch (error) {
    await disk.rm(partial, { force: true }).catch(() => {});
    throw error;
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** Makes renames in a folder last. Some file systems cannot sync folders and say so with EINVAL; they get no such promise. */
export async function syncFolder(folder: string, disk: Disk = realDisk): Promise<void> {
  const handle = await disk.open(folder, "r");
  try {
    await handle.sync();
  } catch (error) {
    if (codeOf(error) !== "EINVAL") throw error;
  } finally {
    await handle.close();
  }
}

/** A folder, and those that it is in. A file in its place is ENOTDIR, as one on the way to it is. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await fs.mkdir(path, { recursive: true });
  } catch (error) {
    if (codeOf(error) === "EEXIST") Object.assign(error as Error, { code: "ENOTDIR" });
    throw error;
  }
}

/** Size and sha256 of a file, read a piece at a time. */
export async function hashFile(path: string): Promise<Written> {
  const hash = createHash("sha256");
  const file = await fs.open(path, "r");
  try {
    const piece = new Uint8Array(1 << 20);
    for (let bytes = 0; ; ) {
      const { bytesRead } = await file.read(piece, 0, piece.byteLength, bytes);
      if (bytesRead === 0) return { bytes, sha256: hash.digest("hex") };
      hash.update(piece.subarray(0, bytesRead));
      bytes += bytesRead;
    }
  } finally {
    await file.close();
  }
}

export const codeOf = (error: unknown): string | undefined => (error as { code?: string } | null)?.code;

/** What a failed system call means, as the end of a sentence. */
export function reasonOf(error: unknown): string {
  return meanings[codeOf(error) ?? ""] ?? (error instanceof Error ? error.message : String(error));
}

const meanings: Readonly<Record<string, string>> = {
  EACCES: "the permission is missing",
  EDQUOT: "the disk quota is used up",
  EEXIST: "it exists already",
  EIO: "the disk reported an error",
  EISDIR: "it is a folder",
  EMFILE: "too many files are open",
  ENOENT: "there is no such file",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of the path is not a folder",
  EPERM: "the permission is missing",
  EROFS: "the file system is read-only",
};

/** Turns a failed system call into a sentence about `what`; messages of mlac's own pass through. */
export function failOn(error: unknown, slug: string, what: string, help?: string): never {
  if (error instanceof MlacError || codeOf(error) === undefined) throw error;
  fail(slug, `${what}: ${reasonOf(error)}`, help === undefined ? {} : { help });
}

/** "step-000123/model.safetensors" of a long path: enough to find the file. */
export const shortPath = (path: string): string => join(basename(dirname(path)), basename(path));
