/** Stored measurements of a model's kernels: bench.json and bench-kernels.json of `mlac bench`, and the lists of bench/results. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { fail, MlacError } from "../diagnostics.js";
import type { Manifest } from "../manifest.js";
import { modelName } from "../place.js";
import { ceilingsFrom } from "./ceilings.js";
import type { Ceilings, Measured } from "./inspection.js";

export interface Measurement extends Omit<Measured, "sameChoices"> {
  fuse?: Record<string, string>;
  /** Milliseconds of a kernel's launches in a micro-step, by its name. */
  kernels: Map<string, number>;
  /** Of the machine that it was made on. */
  ceilings?: Ceilings;
}

type Fields = Record<string, unknown>;

/** Errors: use/measured, when there is no such file or it is something else. */
export const readMeasurement = (file: string): Measurement => measurementIn(read(file), file);

/** What `mlac bench` wrote of a model last, if it was of these sizes, numbers and target; a file that is damaged is none. */
export function benchOf(model: string, manifest: Manifest): Measurement | undefined {
  const files = ["bench.json", "bench-kernels.json"].map((name) => join("generated", modelName(model), "bench", name)).filter(existsSync);
  const newestFirst = files.map((file) => ({ file, time: statSync(file).mtimeMs })).sort((a, b) => b.time - a.time);
  for (const { file } of newestFirst) {
    const found = benchIn(file, manifest);
    if (found) return found;
  }
  return undefined;
}

function benchIn(file: string, { target, dtype, sizes }: Manifest): Measurement | undefined {
  try {
    const data = read(file);
    const named = (x: unknown): string => JSON.stringify(Object.entries(x ?? {}).sort());
    const same = data["target"] === target && data["dtype"] === dtype && named(data["sizes"]) === named(sizes);
    return same ? measurementIn(data, file) : undefined;
  } catch (error) {
    if (error instanceof MlacError) return undefined;
    throw error;
  }
}

function read(file: string): Fields {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    return wrong(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  return isRecord(data) ? data : wrong(file, "has no kernels with times");
}

/** `mlac bench` has a table of kernels with its choices; older files a list beside the choices. */
function measurementIn(data: Fields, file: string): Measurement {
  const table = isRecord(data["kernels"]) ? data["kernels"] : { rows: data["kernels"], fuse: data["fuse"] };
  if (!Array.isArray(table["rows"])) return wrong(file, "has no kernels with times");
  const kernels = new Map<string, number>();
  for (const row of table["rows"] as unknown[]) {
    const { name, ms, milliseconds = ms } = isRecord(row) ? row : {};
    if (typeof name !== "string" || typeof milliseconds !== "number") return wrong(file, "has no kernels with times");
    kernels.set(name, milliseconds);
  }
  const { gpu, device = gpu, date } = data;
  const { microStep, update } = stepTimes(data);
  const machine = typeof device === "string" ? device : "an unnamed machine";
  const ceilings = ceilingsFrom(machine, data["ceilings"]);
  return {
    machine,
    ...(typeof date === "string" ? { date } : {}),
    ...(microStep === undefined ? {} : { microStep }),
    ...(update === undefined ? {} : { update }),
    ...(isRecord(table["fuse"]) ? { fuse: table["fuse"] as Record<string, string> } : {}),
    ...(ceilings === undefined ? {} : { ceilings }),
    kernels,
  };
}

/** Milliseconds; `mlac bench` has them beside its table of kernels, as medians. */
function stepTimes(data: Fields): { microStep: number | undefined; update: number | undefined } {
  const best = data["kernels"];
  const time = (of: string): number | undefined => {
    const found = isRecord(best) ? best[of] : data[of];
    const value = isRecord(found) ? found["median"] : found;
    return typeof value === "number" ? value : undefined;
  };
  return { microStep: time("microStep"), update: time("update") };
}

const isRecord = (value: unknown): value is Fields => typeof value === "object" && value !== null && !Array.isArray(value);

function wrong(file: string, what: string): never {
  fail("use/measured", `${file} ${what}`, {
    help: "give --measured bench.json of `mlac bench`, or bench-kernels.json of `mlac bench --kernels`",
  });
}
