/** metrics.jsonl, read back. */
import { readFileSync } from "node:fs";
import { fail } from "../../compiler/diagnostics.js";
import { codeOf, failOn } from "../durable.js";
import type { LoadSummary, Metrics } from "../metrics.js";

/** Lines that a crash left unfinished are passed over. Errors: run/report, where there is no file. */
export function readMetrics(path: string): Metrics[] {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch (error) {
    if (codeOf(error) === "ENOENT")
      fail("run/report", `there is no ${path}`, { help: "name a run's folder, as in runs/…; `mlac train` makes them" });
    failOn(error, "run/report", `${path} cannot be read`);
  }
  return text.split("\n").flatMap((line) => {
    const metrics = parse(line);
    return metrics === undefined ? [] : [metrics];
  });
}

/** NaN and infinities stand in the file as texts. */
const notFinite: ReadonlySet<unknown> = new Set(["NaN", "Infinity", "-Infinity"]);

function parse(line: string): Metrics | undefined {
  if (!line.startsWith("{")) return undefined;
  try {
    const found = JSON.parse(line, (_, value: unknown) => (notFinite.has(value) ? Number(value) : value)) as Metrics;
    return Number.isFinite(found.step) ? found : undefined;
  } catch {
    return undefined;
  }
}

/** A series of a field, by step; lines without it are left out. */
export function seriesOf(metrics: readonly Metrics[], field: keyof Metrics): [number, number][] {
  return metrics.flatMap((line) => {
    const value = line[field];
    return typeof value === "number" ? [[line.step, value]] : [];
  });
}

/** The lines with loads, and the names of the layers that they are of. */
export function loadsOf(metrics: readonly Metrics[]): { steps: number[]; layers: Map<string, (LoadSummary | undefined)[]> } {
  const found = metrics.filter(({ load }) => load !== undefined);
  const names = [...new Set(found.flatMap(({ load }) => Object.keys(load ?? {})))];
  const layers = new Map(names.map((name) => [name, found.map(({ load }) => load?.[name])]));
  return { steps: found.map(({ step }) => step), layers };
}
