/**
 * The fusion choices that `mlac bench` found to be the fastest on a kind of GPU or processor: a small file beside the built model,
 * fusion.<device>.json, which `auto` goes by from then on. It is about one model, target and device.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { cpus } from "node:os";
import { dirname, join } from "node:path";
import { type Choices, choiceNames, choicesThatHold, resolveChoicesFor } from "./choices.js";
import { findGpus } from "./gpu.js";
import { deviceFile, modelPlace } from "./place.js";
import { plain } from "./plain.js";
import { type Real, realsOf, type Target } from "./target.js";

export interface MeasuredChoices {
  format: 1;
  /** "NVIDIA H200", or the processor's name. */
  device: string;
  target: Target;
  /** 2026-01-31 */
  date: string;
  /** Named sizes that it was measured with: with others, other choices may be faster, or not fit. Absent: whatever the sizes are. */
  sizes?: Record<string, number>;
  fuse: Record<string, string>;
}

interface Built {
  model: string;
  target: Target;
  dtype: Real;
  arch?: string;
}

/** generated/<model>/<target>/fusion.NVIDIA-H200.json, wherever a build itself goes. */
export const measuredPath = (model: string, target: Target, device: string): string =>
  join(modelPlace({ model, target, dtype: realsOf[target][0] }), `fusion.${deviceFile(device)}.json`);

/** The file, if it is whole and about this device; one that is damaged is none. */
export function readMeasured(path: string, target: Target, device: string): MeasuredChoices | undefined {
  try {
    const read = JSON.parse(readFileSync(path, "utf8")) as MeasuredChoices | null;
    const isRecord = (value: unknown): boolean => typeof value === "object" && value !== null && !Array.isArray(value);
    const whole = read?.format === 1 && isRecord(read.fuse) && (read.sizes === undefined || isRecord(read.sizes));
    return whole && read.target === target && read.device === device ? read : undefined;
  } catch {
    return undefined;
  }
}

/**
 * What was measured on this machine for the model, if anything. Which GPU there is, is asked only where such a file is. Whoever names an
 * architecture builds for another machine. Float64 is for checks, and takes mlac's own choices.
 */
export async function measuredFor({ model, target, dtype, arch }: Built): Promise<MeasuredChoices | undefined> {
  if (dtype !== realsOf[target][0]) return undefined;
  const folder = dirname(measuredPath(model, target, ""));
  if (!existsSync(folder) || !readdirSync(folder).some((name) => /^fusion\..+\.json$/.test(name))) return undefined;
  if (target === "cuda" && (arch ?? process.env["MLAC_ARCH"]) !== undefined) return undefined;
  const device = await deviceName(target);
  return device === undefined ? undefined : readMeasured(measuredPath(model, target, device), target, device);
}

/** The first GPU's name, or the processor's. */
export async function deviceName(target: Target): Promise<string | undefined> {
  return target === "cpu" ? (cpus()[0]?.model.trim() ?? "") || "processor" : (await findGpus()).gpus[0]?.name;
}

/** What of it holds for a model of these sizes; and, once the choices are made, what to say about it. */
export function measuredInForce(
  measured: MeasuredChoices | undefined,
  sizes: Readonly<Record<string, number>>,
  target: Target,
  chosen?: Choices,
): { fuse: Partial<Choices>; notes: readonly string[] } {
  // A run may go on with another target than the one that it began with.
  if (measured === undefined || measured.target !== target) return { fuse: {}, notes: [] };
  const of = `the fusion choices measured on ${plain(measured.device)}`;
  if (measured.sizes !== undefined && !sameSizes(measured.sizes, sizes))
    return { fuse: {}, notes: [`${of} are for other sizes: the defaults are taken; \`mlac bench\` measures these`] };
  const { held, dropped } = choicesThatHold(measured.fuse, target);
  const defaults = resolveChoicesFor(target);
  const named = choiceNames.filter((name) => held[name] !== undefined && held[name] !== defaults[name] && chosen?.[name] === held[name]);
  const notes: string[] = [];
  if (named.length > 0)
    notes.push(`as measured on ${plain(measured.device)}, ${measured.date}: ${named.map((name) => `${name}=${held[name]}`).join(" ")}`);
  if (dropped.length > 0) notes.push(`${of} name ${plain(dropped.join(", "))}, which the ${target} target has not: left out`);
  return { fuse: held, notes };
}

function sameSizes(a: Readonly<Record<string, number>>, b: Readonly<Record<string, number>>): boolean {
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => Object.hasOwn(b, name) && a[name] === b[name]);
}
