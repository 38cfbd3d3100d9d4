/** Stored measurements of a model's kernels: what `npm run bench:gpu -- MODEL --profile --out FILE` writes. */
import { readFileSync } from "node:fs";
import { fail } from "../diagnostics.js";
import type { Measured } from "./inspection.js";

export interface Measurement extends Omit<Measured, "sameChoices"> {
  fuse?: Record<string, string>;
  /** Milliseconds of a kernel's launches in a micro-step, by its name. */
  kernels: Map<string, number>;
}

/** Errors: use/measured, when there is no such file or it is something else. */
export function readMeasurement(file: string): Measurement {
  let data: unknown;
  try {
    data = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    return wrong(file, `cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!isRecord(data) || !Array.isArray(data["kernels"])) return wrong(file, "has no kernels with times");
  const kernels = new Map<string, number>();
  for (const kernel of data["kernels"] as unknown[]) {
    if (!isRecord(kernel) || typeof kernel["name"] !== "string" || typeof kernel["ms"] !== "number")
      return wrong(file, "has no kernels with times");
    kernels.set(kernel["name"], kernel["ms"]);
  }
  const { gpu, date, microStep, update, fuse } = data;
  return {
    machine: typeof gpu === "string" ? gpu : "an unnamed machine",
    ...(typeof date === "string" ? { date } : {}),
    ...(typeof microStep === "number" ? { microStep } : {}),
    ...(typeof update === "number" ? { update } : {}),
    ...(isRecord(fuse) ? { fuse: fuse as Record<string, string> } : {}),
    kernels,
  };
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null && !Array.isArray(value);

function wrong(file: string, what: string): never {
  fail("use/measured", `${file} ${what}`, {
    help: "give --measured what `npm run bench:gpu -- MODEL --profile --out FILE` wrote",
  });
}
