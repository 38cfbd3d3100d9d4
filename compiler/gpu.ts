/** Which NVIDIA GPUs this machine has: asked of nvidia-smi, once a process. Nothing is loaded or started before somebody asks. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { which } from "./emit/compiler.js";

export interface Gpu {
  /** "NVIDIA H200" */
  name: string;
  /** Of the machine, not of the process: "GPU-5f0c…". */
  uuid: string;
  /** Compute capability: "9.0". Drivers before 510 do not tell it. */
  capability?: string;
  /** The driver's version: "580.65.06". */
  driver: string;
  /** Bytes of its memory, in all and not in use. Some integrated GPUs have none of their own. */
  total?: number;
  free?: number;
}

export interface Gpus {
  /** Those that a CUDA program sees here, its first one first. */
  gpus: readonly Gpu[];
  /** Where there is none: why, as the end of a sentence. */
  reason?: string;
}

/** A first start of the driver, without its persistence daemon, takes seconds for each GPU. */
const patience = 30_000;

const known = new Map<string, Promise<Gpus>>();

/** Never fails: no GPU is an answer, too. */
export function findGpus(environment: NodeJS.ProcessEnv = process.env): Promise<Gpus> {
  const key = JSON.stringify([environment["PATH"], environment["CUDA_VISIBLE_DEVICES"]]);
  const found = known.get(key) ?? ask(environment);
  known.set(key, found);
  return found;
}

async function ask(environment: NodeJS.ProcessEnv): Promise<Gpus> {
  const smi = nvidiaSmi(environment);
  if (smi === undefined) return fromDriver(environment);
  // compute_cap is last, and left out for a driver that does not know it.
  const fields = ["name", "uuid", "driver_version", "memory.total", "memory.free", "compute_cap"];
  let said = await run(smi, fields, environment);
  if (said.text === undefined && /compute_cap/.test(said.reason)) said = await run(smi, fields.slice(0, -1), environment);
  if (said.text === undefined) return { gpus: [], reason: said.reason };
  const all = said.text.split("\n").flatMap(parse);
  const gpus = visible(all, environment["CUDA_VISIBLE_DEVICES"]);
  if (gpus.length > 0) return { gpus };
  return { gpus, reason: all.length > 0 ? "CUDA_VISIBLE_DEVICES hides the GPU" : "nvidia-smi lists no GPU" };
}

/** Under WSL it is not on everybody's PATH. */
function nvidiaSmi(environment: NodeJS.ProcessEnv): string | undefined {
  return which("nvidia-smi", environment) ?? which("/usr/lib/wsl/lib/nvidia-smi");
}

async function run(program: string, fields: readonly string[], environment: NodeJS.ProcessEnv): Promise<{ text?: string; reason: string }> {
  const { execa } = await import("execa");
  const given = [`--query-gpu=${fields.join(",")}`, "--format=csv,noheader,nounits"];
  const { stdout, stderr, exitCode, timedOut } = await execa(program, given, {
    env: { ...environment, LC_ALL: "C" },
    extendEnv: false,
    reject: false,
    stdin: "ignore",
    timeout: patience,
  });
  if (exitCode === 0) return { text: String(stdout), reason: "" };
  if (timedOut) return { reason: `nvidia-smi did not answer in ${patience / 1000} s` };
  const line = `${stdout ?? ""}\n${stderr ?? ""}`.split("\n").find((text) => text.trim() !== "");
  return { reason: `nvidia-smi failed: ${line?.trim() ?? `exit code ${exitCode}`}` };
}

function parse(line: string): Gpu[] {
  const [name = "", uuid = "", driver = "", total, free, capability] = line.split(",").map((field) => field.trim());
  if (name === "" || driver === "") return [];
  const mebibytes = (text: string | undefined, key: "total" | "free"): Partial<Gpu> =>
    /^\d+$/.test(text ?? "") ? { [key]: Number(text) * 2 ** 20 } : {};
  const version = /^\d+\.\d+$/.test(capability ?? "") ? { capability: capability! } : {};
  return [{ name, uuid, driver, ...version, ...mebibytes(total, "total"), ...mebibytes(free, "free") }];
}

/** As the CUDA runtime reads CUDA_VISIBLE_DEVICES: numbers, or beginnings of uuids; what follows a wrong one does not count. */
function visible(all: readonly Gpu[], chosen: string | undefined): Gpu[] {
  if (chosen === undefined) return [...all];
  const result: Gpu[] = [];
  for (const entry of chosen.split(",").map((text) => text.trim())) {
    const gpu = /^\d+$/.test(entry) ? all[Number(entry)] : entry === "" ? undefined : all.find(({ uuid }) => uuid.startsWith(entry));
    if (gpu === undefined) break;
    result.push(gpu);
  }
  return result;
}

/** Containers that were given a GPU to compute with lack nvidia-smi now and then; what the driver says of itself is enough to go on. */
function fromDriver(environment: NodeJS.ProcessEnv): Gpus {
  const driver = /Module\D+?(\d+\.\d+(?:\.\d+)?)/.exec(textOf("/proc/driver/nvidia/version"))?.[1];
  if (driver === undefined || !gpuIsLikely(environment)) return { gpus: [], reason: "no NVIDIA GPU is found" };
  const gpus = informations().map((text) => ({
    name: /^Model:\s*(.+)$/m.exec(text)?.[1]?.trim() ?? "an NVIDIA GPU",
    uuid: /^GPU UUID:\s*(\S+)/m.exec(text)?.[1] ?? "",
    driver,
  }));
  return gpus.length > 0 ? { gpus } : { gpus, reason: "nvidia-smi, which comes with NVIDIA's driver, is not found" };
}

/** Ampere and newer: bf16 products and asynchronous copies. */
export const isUsable = ({ capability }: Gpu): boolean => capability === undefined || Number(capability) >= 8;

/** Whether to expect a GPU, by device files alone: nothing is started. /proc/driver/nvidia is seen from containers without a GPU, too. */
export function gpuIsLikely(environment: NodeJS.ProcessEnv = process.env): boolean {
  const hidden = /^\s*(-|$)/.test(environment["CUDA_VISIBLE_DEVICES"] ?? "0");
  return !hidden && deviceIsThere();
}

function deviceIsThere(): boolean {
  return existsSync("/dev/nvidiactl") || (existsSync("/dev/dxg") && existsSync("/usr/lib/wsl/lib/nvidia-smi"));
}

/**
 * Stands for the kind of GPUs that are seen here, without starting anything: whoever changes them gets a new build. Which of several
 * equal ones are shown makes no difference: ranks that see one each share a build.
 */
export function gpuFingerprint(
  environment: NodeJS.ProcessEnv = process.env,
  likely = gpuIsLikely(environment),
  models = modelsHere(),
): string {
  const kinds = [...new Set(models)].sort();
  return [String(likely), kinds.length === 1 ? "" : (environment["CUDA_VISIBLE_DEVICES"] ?? ""), ...kinds].join("\n");
}

const modelsHere = (): string[] => informations().map((text) => /^Model:.*$/m.exec(text)?.[0] ?? "");

function informations(): string[] {
  const folder = "/proc/driver/nvidia/gpus";
  try {
    return readdirSync(folder).map((name) => textOf(join(folder, name, "information")));
  } catch {
    return [];
  }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
