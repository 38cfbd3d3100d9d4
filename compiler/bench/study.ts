/**
 * Each choice of each fusion name, with the others at their best as far as that is known; then the best ones together. Where these are
 * faster than what there was, all is measured once more around them, since a choice may gain or lose by its neighbours.
 */
import { type ChoiceName, type Choices, choiceNames, resolveChoicesFor } from "../choices.js";
import { choicesFor } from "../compile.js";
import { MlacError } from "../diagnostics.js";
import { binary, fits } from "../memory.js";
import type { Bench } from "./context.js";
import { Errors } from "./error.js";
import type { StepError } from "./errorWorker.js";
import { compareMeasured, type Failed, type Measured, measureAll } from "./measure.js";
import type { Against } from "./statistics.js";
import { givesUpOrder, type Variant, valuesOf, variantOf } from "./variants.js";

export interface Row {
  name: ChoiceName;
  choice: string;
  /** The one that the others of this name are compared with. */
  base: boolean;
  /** Its results change by rounding from run to run: it never wins. */
  unordered: boolean;
  /** Another choice of this name that makes the same program. */
  sameAs?: string;
  /** Why there are no figures. */
  why?: string;
  planBytes?: number;
  measured?: Measured;
  /** Kernels that are not in all programs of this name, and the optimizer if that differs; milliseconds a step. */
  touched?: { kernels: number; milliseconds: number };
  against?: Against;
  wins: boolean;
  error?: StepError | string;
}

export interface Study {
  rows: Row[];
  /** What the rows are compared with. */
  base: Choices;
  /** mlac's own defaults, the base and the best together, measured side by side. */
  defaults?: Measured;
  best: Choices;
  combination?: Measured;
  against?: Against;
  /** There was no time for all. */
  unfinished: boolean;
  /** What was set for the float64 reference. */
  errorSizes: Record<string, string>;
}

export interface StudyOptions {
  /** All names if empty. */
  only: readonly ChoiceName[];
  /** Names that --fuse decides: they are not varied. */
  fixed: readonly string[];
  passes: number;
  errors: boolean;
}

/** Errors: whatever is wrong with the model. What is wrong with one choice stands in its row. */
export async function study(bench: Bench, options: StudyOptions): Promise<Study> {
  const { build, model, note } = bench;
  const errors = options.errors ? new Errors(bench) : undefined;
  const names = choiceNames.filter((name) => (options.only.length === 0 || options.only.includes(name)) && !options.fixed.includes(name));
  let base = variantOf(build, model, choicesFor(build, model), bench.threads).choices;
  let rows: Row[] = [];
  for (let pass = 1; ; pass++) {
    if (pass > 1) note(`once more, around ${differing(base, resolveChoicesFor(build.target))}`);
    rows = [];
    for (const name of names) {
      if (bench.late()) break;
      rows.push(...(await measureName(bench, name, base, errors)));
    }
    const better = { ...base, ...Object.fromEntries(rows.filter(({ wins }) => wins).map(({ name, choice }) => [name, choice])) };
    const improved = await confirm(bench, base, better, rows);
    if (improved === base || pass >= options.passes || bench.late()) {
      const ends = await ending(bench, improved);
      return { rows, base, ...ends, best: improved, unfinished: bench.late(), errorSizes: errors?.sizes ?? {} };
    }
    base = improved;
  }
}

/** The choices that are not mlac's defaults: "norm=own recompute=none". */
export function differing(choices: Choices, defaults: Choices): string {
  const named = choiceNames.filter((name) => choices[name] !== defaults[name]).map((name) => `${name}=${choices[name]}`);
  return named.length === 0 ? "the defaults" : named.join(" ");
}

async function measureName(bench: Bench, name: ChoiceName, base: Choices, errors: Errors | undefined): Promise<Row[]> {
  const { build, model, threads, note, room } = bench;
  const tokens = model.graph.inputs.find((v) => v.def.is === "input" && v.def.name === "tokens")!.type.dims.reduce((n, d) => n * d.size, 1);
  const rows: Row[] = [];
  const variants = new Map<Row, Variant>();
  const firstOf = new Map<string, string>();
  // The base comes first: what makes the same program is called after it.
  const values = valuesOf(name, build.target, tokens, base[name]);
  for (const choice of [base[name], ...values.filter((value) => value !== base[name])]) {
    const row: Row = { name, choice, base: choice === base[name], unordered: givesUpOrder(name, choice, build.target), wins: false };
    rows.push(row);
    try {
      const variant = variantOf(build, model, { ...base, [name]: choice }, threads);
      row.planBytes = variant.planBytes;
      const same = firstOf.get(variant.key);
      if (same !== undefined) row.sameAs = same;
      else if (room && !fits(variant.manifest.memory, threads, room)) row.why = `does not fit into ${binary(room.bytes)}`;
      else variants.set(row, { ...variant, title: `${name}=${choice}` });
      if (same === undefined) firstOf.set(variant.key, choice);
    } catch (error) {
      if (!(error instanceof MlacError)) throw error;
      row.why = error.message.split("\n")[0] ?? "";
    }
  }
  // One program alone has nothing to be compared with.
  if (variants.size < 2) return rows;
  note(`measuring ${name}`);
  const measured = await measureAll(bench, contextOf(name, base), [...variants.values()]);
  const reference = measured.get(variants.get(rows[0]!)!);
  for (const [row, variant] of variants) {
    const found = measured.get(variant) as Measured | Failed;
    if ("failed" in found) {
      row.why = found.failed;
      continue;
    }
    row.measured = found;
    if (!row.base && reference && !("failed" in reference)) row.against = compareMeasured(bench, found, reference);
  }
  touch(variants);
  if (errors) for (const [row, variant] of variants) if (row.measured && !bench.late()) row.error = await errors.of(variant.choices);
  choose(rows, bench.quiet);
  return rows;
}

const contextOf = (name: string, base: Choices): string => JSON.stringify([name, ...choiceNames.map((n) => (n === name ? "" : base[n]))]);

/** Kernels that all programs of this name have, called as often, are not touched by it. */
function touch(variants: ReadonlyMap<Row, Variant>): void {
  const facts = [...variants].flatMap(([row, { prints, update }]) => {
    if (!row.measured) return [];
    const kernels = row.measured.kernels.map((kernel) => ({
      ...kernel,
      print: `${prints.get(kernel.name) ?? kernel.name} ${kernel.calls}`,
    }));
    return [{ row, kernels, update }];
  });
  const everywhere = (print: string): boolean => facts.every(({ kernels }) => kernels.some((kernel) => kernel.print === print));
  const sameUpdate = new Set(facts.map(({ update }) => update)).size < 2;
  for (const { row, kernels } of facts) {
    const own = kernels.filter(({ print }) => !everywhere(print));
    const milliseconds = own.reduce((n, kernel) => n + kernel.milliseconds, 0) + (sameUpdate ? 0 : row.measured!.update.median);
    row.touched = { kernels: own.length, milliseconds };
  }
}

/** The fastest of those that beat the base on a quiet machine; the base, where none does or where the base cannot be measured. */
export function choose(rows: Row[], quiet: number): void {
  const candidates = rows.filter(
    ({ unordered, measured, against }) => !unordered && measured && measured.others <= quiet && against?.verdict === "faster",
  );
  const [fastest] = candidates.sort((a, b) => a.measured!.step.median - b.measured!.step.median);
  const winner = fastest ?? rows.find(({ base }) => base);
  if (winner) winner.wins = true;
}

/** Together they must be faster, too; if not, the one that gains the most by itself is taken. */
async function confirm(bench: Bench, base: Choices, better: Choices, rows: readonly Row[]): Promise<Choices> {
  const [winner] = rows.filter(({ wins, base }) => wins && !base).sort((a, b) => a.against!.share - b.against!.share);
  if (!winner || bench.late()) return base;
  const alone = { ...base, [winner.name]: winner.choice };
  if (choiceNames.every((name) => alone[name] === better[name])) return better;
  bench.note("measuring the winners together");
  const sides = await measureChoices(bench, "together", { base, better });
  const won = sides.better && sides.base && compareMeasured(bench, sides.better, sides.base).verdict === "faster";
  return won ? better : alone;
}

/** The best beside mlac's defaults. */
async function ending(bench: Bench, best: Choices): Promise<Pick<Study, "defaults" | "combination" | "against">> {
  const { build, model } = bench;
  const { measured: _, ...plain } = build;
  if (bench.late()) return {};
  const sides = await measureChoices(bench, "ending", { defaults: choicesFor(plain, model), best });
  return {
    ...(sides.defaults ? { defaults: sides.defaults } : {}),
    ...(sides.best ? { combination: sides.best } : {}),
    ...(sides.defaults && sides.best ? { against: compareMeasured(bench, sides.best, sides.defaults) } : {}),
  };
}

/** Those that can be measured, side by side; the same program once. */
async function measureChoices<Name extends string>(
  bench: Bench,
  title: string,
  all: Record<Name, Choices>,
): Promise<Partial<Record<Name, Measured>>> {
  const { build, model, threads } = bench;
  const byKey = new Map<string, Variant>();
  const named = (Object.entries(all) as [Name, Choices][]).map(([name, choices]) => {
    const variant = variantOf(build, model, choices, threads);
    if (!byKey.has(variant.key)) byKey.set(variant.key, variant);
    return { name, variant: byKey.get(variant.key)! };
  });
  const measured = await measureAll(bench, `${title} ${[...byKey.keys()].join(" ")}`, [...byKey.values()]);
  const found: Partial<Record<Name, Measured>> = {};
  for (const { name, variant } of named) {
    const one = measured.get(variant);
    if (one && !("failed" in one)) found[name] = one;
  }
  return found;
}
