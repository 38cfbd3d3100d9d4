/** The folders of a run's checkpoints: which there are, which are kept, which are left over from a crash. */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { type CheckpointManifest, manifestName, readManifest, sentenceOf } from "./checkpointManifest.js";
import { codeOf, type Disk, failOn } from "./durable.js";

export const folderName = (step: number): string => `step-${String(step).padStart(6, "0")}`;

export interface Folder {
  path: string;
  step: number;
}

/** All that look like checkpoints, the newest first. Of one step, the one that replaced the other comes first. */
export async function checkpointsIn(root: string): Promise<Folder[]> {
  const found = (await namesIn(root)).flatMap((name) => {
    const match = /^step-([0-9]{6,15})(\.replaced)?$/.exec(name);
    return match === null ? [] : [{ path: join(root, name), step: Number(match[1]), replaced: match[2] !== undefined }];
  });
  return found.sort((a, b) => b.step - a.step || Number(a.replaced) - Number(b.replaced)).map(({ path, step }) => ({ path, step }));
}

async function namesIn(root: string): Promise<string[]> {
  try {
    return await readdir(root);
  } catch (error) {
    return codeOf(error) === "ENOENT" ? [] : failOn(error, "run/checkpoint", `the checkpoints in ${root} cannot be listed`);
  }
}

/** Removes folders that a process which is no more was writing or removing. */
export async function removeLeftovers(root: string, disk: Disk): Promise<void> {
  for (const name of await namesIn(root)) {
    const process = /^\.step-[0-9]+\.(?:partial|removed)-([0-9]+)$/.exec(name)?.[1];
    if (process !== undefined && !isAlive(Number(process))) await disk.rm(join(root, name), { recursive: true, force: true });
  }
}

/** Our own number on a leftover is that of a crashed run which had the same: we have nothing half-written at this moment. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return codeOf(error) === "EPERM";
  }
}

/**
 * Removes good checkpoints beyond the `keep` newest good ones, but never `newest` nor the one with the best score. Damaged ones
 * do not count and stay, for someone to look at. What cannot be removed is a warning.
 */
export async function retain(root: string, keep: number, newest: string, disk: Disk): Promise<{ removed: string[]; warnings: string[] }> {
  const good: (Folder & { manifest: CheckpointManifest })[] = [];
  for (const folder of await checkpointsIn(root)) {
    const manifest = await readManifest(folder.path).catch(() => undefined);
    if (manifest !== undefined) good.push({ ...folder, manifest });
  }
  const scored = good.filter(({ manifest }) => manifest.score !== undefined);
  const best = scored.toSorted((a, b) => (a.manifest.score ?? 0) - (b.manifest.score ?? 0))[0]?.path;
  const lasting = good.filter(({ path }) => !path.endsWith(".replaced"));
  const kept = new Set([newest, best, ...lasting.slice(0, Math.max(1, keep)).map(({ path }) => path)]);
  const removed: string[] = [];
  const warnings: string[] = [];
  for (const { path } of good) {
    if (kept.has(path)) continue;
    try {
      await removeFolder(root, path, disk);
      removed.push(path);
    } catch (error) {
      warnings.push(`${basename(path)} could not be removed: ${sentenceOf(error)}`);
    }
  }
  return { removed, warnings };
}

/** Renamed first, so that a crash in the middle leaves no folder that looks like a checkpoint. */
async function removeFolder(root: string, path: string, disk: Disk): Promise<void> {
  const away = join(root, `.${basename(path).replace(".replaced", "")}.removed-${process.pid}`);
  await disk.rename(path, away);
  await disk.rm(join(away, manifestName), { force: true });
  await disk.rm(away, { recursive: true, force: true });
}
