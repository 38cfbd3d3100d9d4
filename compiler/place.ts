/** Where a model's generated files lie. */
import { basename, dirname, join, resolve } from "node:path";
import { type Real, realsOf, type Target } from "./target.js";

/** examples/tiny/model.ts is called tiny, gpt.ts is called gpt. */
export function modelName(model: string): string {
  const file = basename(resolve(model)).replace(/\.[cm]?tsx?$/, "");
  const name = file === "model" || file === "index" ? basename(dirname(resolve(model))) : file;
  return name.replace(/[^A-Za-z0-9._-]/g, "_") || "model";
}

/** generated/<model>/<target>; float64 builds and those that generate beside it, so that all can be kept. */
export function modelPlace({ model, target, dtype, out, generate }: Placed): string {
  const place = out ?? join("generated", modelName(model), dtype === realsOf[target][0] ? target : `${target}-${dtype}`);
  return resolve(generate ? `${place}-generate` : place);
}

interface Placed {
  model: string;
  target: Target;
  dtype: Real;
  out?: string;
  generate?: object;
}

/** A GPU's or a processor's name as a part of a file's name: NVIDIA-H200. */
export const deviceFile = (device: string): string => device.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "") || "unknown";
