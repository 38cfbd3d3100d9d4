/** `mlac bench`: which parts are measured, what is kept of them, and where the results go. */
import { join, relative } from "node:path";
import type { BuildOptions } from "../build.js";
import type { ChoiceName } from "../choices.js";
import { choicesFor } from "../compile.js";
import { MlacError } from "../diagnostics.js";
import { type MeasuredChoices, measuredPath } from "../measured.js";
import { version } from "../package.js";
import { modelName } from "../place.js";
import { realsOf } from "../target.js";
import { type Ceilings, ceilingsOf } from "./ceilings.js";
import { claims } from "./claims.js";
import { type Bench, type BenchOptions, openBench } from "./context.js";
import { kernelTable } from "./kernels.js";
import { type Measured, measureAll } from "./measure.js";
import { benchPage } from "./page.js";
import type { BenchResult } from "./result.js";
import { type parseGrowth, scaling } from "./scaling.js";
import { staticRows } from "./static.js";
import { write } from "./store.js";
import { differing, type Study, study } from "./study.js";
import { againstTorch } from "./torch.js";
import { variantOf } from "./variants.js";

export interface Asked extends BenchOptions {
  parts: { choices: boolean; kernels: boolean; torch: boolean; claims: boolean };
  growth: readonly ReturnType<typeof parseGrowth>[];
  /** Fusion names; all of them if empty. */
  only: readonly ChoiceName[];
  passes: number;
  errors: boolean;
  /** Keep the winners. */
  keep: boolean;
  /** Show what is known of the CUDA target without a GPU. */
  cudaToo: boolean;
  /** A Python that has torch. */
  python?: string;
  /** A folder that gets bench.json and bench.html, too. */
  out?: string;
}

export interface Benched {
  result: BenchResult;
  /** Files that were written. */
  files: string[];
}

/** Errors: whatever is wrong with the model; tool/*, run/write. What cannot be measured of one variant is said in its place. */
export async function bench(asked: Asked): Promise<Benched> {
  const opened = await openBench(asked);
  const { build, model, device, threads, rounds } = opened;
  const result: BenchResult = {
    format: 1,
    mlac: version,
    date: new Date().toISOString().slice(0, 10),
    model: modelName(build.model),
    target: build.target,
    dtype: build.dtype,
    device,
    threads,
    rounds,
    quiet: opened.quiet,
    sizes: model.sizes,
    set: build.set,
    unfinished: false,
  };
  const { parts } = asked;
  // First what may be missing here: a tool that is not found is told before an hour of measuring.
  if (parts.torch) result.torch = await againstTorch(opened, asked.python);
  if (parts.claims) result.claims = claims(opened);
  if (parts.choices) await addChoices(opened, asked, result);
  if (parts.kernels && !opened.late()) await addKernels(opened, result);
  for (const growth of asked.growth) if (!opened.late()) result.scaling = [...(result.scaling ?? []), await scaling(opened, growth)];
  if (asked.cudaToo && parts.choices) result.cuda = { rows: staticRows(await cudaBench(asked), asked.only) };
  result.unfinished = opened.late();

  const texts = { json: `${JSON.stringify(result, undefined, 1)}\n`, html: benchPage(result) };
  const files: string[] = [];
  // Where `mlac inspect` finds them, and where they are wanted.
  for (const folder of new Set([opened.folder, asked.out ?? opened.folder]))
    for (const [ending, text] of Object.entries(texts)) {
      const file = join(folder, `${fileName(asked)}.${ending}`);
      await write(file, text);
      files.push(file);
    }
  return { result, files };
}

/** bench, or bench-torch and the like for a part that was asked for by itself: one does not take the place of the other. */
function fileName({ parts, growth }: Asked): string {
  if (parts.choices) return "bench";
  const named = { kernels: parts.kernels, torch: parts.torch, scaling: growth.length > 0, claims: parts.claims };
  return ["bench", ...Object.entries(named).flatMap(([part, wanted]) => (wanted ? [part] : []))].join("-");
}

const cudaBench = (asked: Asked): Promise<Bench> => {
  return openBench({ ...asked, anew: false, build: { ...withoutMeasured(asked.build), target: "cuda", dtype: "bf16", fuse: {} } });
};

async function addChoices(opened: Bench, asked: Asked, result: BenchResult): Promise<void> {
  const { build } = opened;
  const { only, passes, errors } = asked;
  const found = await study(opened, { only, fixed: Object.keys(build.fuse), passes, errors });
  result.choices = found;
  const why = reasonNotToKeep(opened, asked, found);
  if (why !== undefined) result.notKept = why;
  else result.kept = await keep(opened, found);
}

function reasonNotToKeep(
  { build, model, quiet }: Bench,
  { keep }: Asked,
  { unfinished, rows, combination, against, best }: Study,
): string | undefined {
  if (!keep) return "--no-keep";
  if (unfinished) return "not all is measured yet";
  if (Object.keys(build.fuse).length > 0) return "--fuse decided a part of it";
  if (build.dtype !== realsOf[build.target][0]) return `${build.dtype} is for checks`;
  if (!combination || !rows.some(({ measured }) => measured)) return "nothing could be measured";
  if (combination.others > quiet) return "other programs disturbed it";
  const defaults = choicesFor(withoutMeasured(build), model);
  if (against?.verdict !== "faster" && differing(best, defaults) !== "the defaults")
    return "it is not faster than the defaults beyond the noise";
  return undefined;
}

/** With mlac's own defaults. */
export function withoutMeasured({ measured: _, ...build }: BuildOptions): BuildOptions {
  return build;
}

/** The winners of the names that were measured, and what an earlier bench of these sizes found for the others. */
export async function keep({ build, model, device }: Bench, { rows, best }: Study): Promise<string> {
  const sizesOf = (sizes: Readonly<Record<string, number>>): string => JSON.stringify(Object.entries(sizes).sort());
  const before = build.measured && sizesOf(build.measured.sizes ?? {}) === sizesOf(model.sizes) ? build.measured.fuse : {};
  const names = new Set(rows.filter(({ measured }) => measured).map(({ name }) => name));
  const measured: MeasuredChoices = {
    format: 1,
    device,
    target: build.target,
    date: new Date().toISOString().slice(0, 10),
    sizes: model.sizes,
    fuse: { ...before, ...Object.fromEntries([...names].map((name) => [name, best[name]])) },
  };
  const path = measuredPath(build.model, build.target, device);
  await write(path, `${JSON.stringify(measured, undefined, 1)}\n`);
  return relative(process.cwd(), path);
}

/** Of the build that is the best as far as it is known. */
async function addKernels(opened: Bench, result: BenchResult): Promise<void> {
  const { build, model, threads } = opened;
  const choices = result.choices?.best ?? choicesFor(build, model);
  const variant = variantOf(build, model, choices, threads);
  const measured = result.choices?.combination ?? (await alone(opened, variant));
  let ceilings: Ceilings | undefined;
  try {
    ceilings = await ceilingsOf(opened);
    result.ceilings = ceilings;
  } catch (error) {
    if (!(error instanceof MlacError)) throw error;
    result.noCeilings = error.message.split("\n")[0] ?? "";
  }
  result.kernels = { ...kernelTable(variant.manifest, measured, ceilings), fuse: { ...variant.choices } };
}

async function alone(opened: Bench, variant: ReturnType<typeof variantOf>): Promise<Measured> {
  const measured = (await measureAll(opened, "kernels", [variant])).get(variant)!;
  if ("failed" in measured) throw new MlacError([{ slug: "run/failed", message: measured.failed, frames: [] }]);
  return measured;
}
