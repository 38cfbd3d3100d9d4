/** A bench's result as text for a terminal. */
import type { ChalkInstance } from "chalk";
import { resolveChoicesFor } from "../choices.js";
import { columns } from "../columns.js";
import { binary } from "../memory.js";
import { quantity } from "../picture/index.js";
import { plain } from "../plain.js";
import type { Target } from "../target.js";
import type { Claim } from "./claims.js";
import { halfWidth, ms, percent } from "./figures.js";
import type { KernelTable } from "./kernels.js";
import type { BenchResult } from "./result.js";
import type { Growth } from "./scaling.js";
import type { StaticRow } from "./static.js";
import { differing, type Row, type Study } from "./study.js";
import { torchLines } from "./torchText.js";

export function describe(result: BenchResult, paint: ChalkInstance): string {
  const { model, device, threads, target, dtype, rounds, sizes } = result;
  const named = Object.entries(sizes).map(([name, size]) => `${name} ${size}`);
  const head = `${model}  ${target}, ${dtype}, ${device}${target === "cpu" ? `, ${threads} ${threads === 1 ? "thread" : "threads"}` : ""}`;
  const parts: string[][] = [[paint.bold(plain(head)), plain(named.join(", "))]];
  if (result.choices) parts.push(choiceLines(result, result.choices, paint));
  if (result.kernels) parts.push(kernelLines(result.kernels, result, paint));
  for (const growth of result.scaling ?? []) parts.push(growthLines(growth, paint));
  if (result.torch) parts.push(torchLines(result.torch, paint));
  if (result.claims) parts.push(claimLines(result.claims, paint));
  if (result.cuda) parts.push(staticLines(result.cuda.rows, paint));
  if (isTimed(result))
    parts.push([paint.dim(`Medians of ${rounds} rounds after warm-up, of random tokens; ± is half the distance of the quartiles.`)]);
  const others = disturbance(result);
  if (others > result.quiet) parts.push([disturbed(others)]);
  if (result.unfinished) parts.push([notAll]);
  return parts.map((lines) => lines.join("\n")).join("\n\n");
}

/** The largest share that they had. */
export function disturbance({ choices, scaling = [], torch }: BenchResult): number {
  const all = [...(choices?.rows ?? []), ...scaling.flatMap(({ points }) => points)].flatMap(({ measured }) =>
    measured ? [measured.others] : [],
  );
  return Math.max(0, torch?.others ?? 0, ...all);
}

/** Whether there are times in it. */
export const isTimed = ({ choices, kernels, scaling, torch }: BenchResult): boolean =>
  [choices, kernels, scaling, torch].some((part) => part !== undefined);

export const notAll = "There was no time for all of it: the same command again measures what is missing.";

export const disturbed = (others: number): string =>
  `Other programs had up to ${percent(others)} of the processors meanwhile: measure again on a quiet machine.`;

/** What a row's choice came to, in a word. */
export function verdictOf(row: Row, quiet: number): string {
  if (row.why !== undefined) return row.why;
  if (row.sameAs !== undefined) return `the same program as ${row.sameAs}`;
  if (!row.measured) return row.base ? "no other program" : "";
  const doubt = row.measured.others > quiet ? "disturbed, " : "";
  const order = row.unordered ? "; not the same bits from run to run: never taken" : "";
  if (row.base) return `${doubt}${row.wins ? "best" : ""}`.replace(/, $/, "");
  const { share, verdict } = row.against ?? { share: 0, verdict: "noise" };
  return `${doubt}${row.wins ? "best, " : ""}${verdict === "noise" ? "noise" : `${percent(share)} ${verdict}`}${order}`;
}

/** Muon's choices change the update and nothing before it. */
export function errorOf({ name, error }: Row): string {
  if (error === undefined || typeof error === "string") return "";
  return (name === "muon" ? error.update : error.gradients).toExponential(1);
}

function choiceLines(result: BenchResult, study: Study, paint: ChalkInstance): string[] {
  const rows = study.rows.map((row, i) => {
    const { measured, touched } = row;
    return [
      row.name === study.rows[i - 1]?.name ? "" : row.name,
      row.choice,
      measured ? ms(measured.step.median) : "",
      measured ? halfWidth(measured.step) : "",
      touched && measured ? ms(touched.milliseconds) : "",
      row.planBytes === undefined ? "" : binary(row.planBytes),
      measured && measured.usedBytes !== null ? binary(measured.usedBytes) : "",
      errorOf(row),
      verdictOf(row, result.quiet),
    ];
  });
  const head = ["choice", "", "step", "", "its kernels", "plan", "in use", "error", ""];
  const table = columns([head, ...rows], [2, 3, 4, 5, 6, 7], (cell, r) => {
    if (r === 0) return paint.dim(cell);
    const row = study.rows[r - 1]!;
    return row.wins && !row.base ? paint.green(cell) : row.measured ? cell : paint.dim(cell);
  });
  const defaults = resolveChoicesFor(result.target as Target);
  const { against, combination, defaults: plainly } = study;
  const best = [`best together: ${differing(study.best, defaults)}`];
  if (combination && plainly && against && differing(study.best, defaults) !== "the defaults")
    best.push(
      `  ${ms(combination.step.median)} a step, ${binary(combination.planBytes)}; the defaults ${ms(plainly.step.median)}, ${binary(plainly.planBytes)}: ${against.verdict === "noise" ? "noise" : `${percent(against.share)} ${against.verdict}`}`,
    );
  else if (plainly) best.push(`  ${ms(plainly.step.median)} a step, ${binary(plainly.planBytes)}`);
  if (result.kept !== undefined) best.push(`kept in ${plain(result.kept)}, where auto finds it`);
  if (result.notKept !== undefined) best.push(`not kept: ${plain(result.notKept)}`);
  const small = Object.entries(study.errorSizes).map(([name, size]) => `${name}=${size}`);
  const errors = study.rows.some(({ error }) => error !== undefined)
    ? [
        paint.dim(
          `error: of all gradients (muon: of the weights' movement) against float64, norm over norm${small.length > 0 ? `, at ${plain(small.join(" "))}` : ""}`,
        ),
      ]
    : [];
  const reasons = [...new Set(study.rows.flatMap(({ error }) => (typeof error === "string" ? [error] : [])))];
  return [...table, "", ...best, ...errors, ...reasons.map((why) => plain(`no error: ${why}`))];
}

const shown = 24;

/** "128.5 ms a step (±1.3 ms): 110 ms a micro-step, 18 ms the update; 15.9 GiB planned, 16.4 GiB in use" */
export function wholeStep({ step, microStep, update, planBytes, usedBytes }: KernelTable): string {
  const parts = `${ms(microStep.median)} a micro-step, ${ms(update.median)} the update`;
  return `${ms(step.median)} a step (${halfWidth(step)}): ${parts}; ${binary(planBytes)} planned${usedBytes === null ? "" : `, ${binary(usedBytes)} in use`}`;
}

function kernelLines(table: KernelTable, { ceilings, noCeilings }: BenchResult, paint: ChalkInstance): string[] {
  const { rows, launches, milliseconds } = table;
  const cells = rows
    .slice(0, shown)
    .map((row) => [
      row.name,
      row.launches === 0 ? "" : String(row.launches),
      ms(row.milliseconds),
      percent(row.share),
      row.flops === 0 ? "" : quantity((1000 * row.flops) / row.milliseconds, "FLOP/s"),
      row.bytes === 0 ? "" : quantity((1000 * row.bytes) / row.milliseconds, "B/s"),
      row.roofline === undefined ? "" : `${(100 * row.roofline).toFixed(0)} %`,
      row.bound ?? "",
      row.lines.slice(0, 3).join(" ") + (row.lines.length > 3 ? " …" : ""),
    ]);
  const head = ["kernel", "launches", "time", "share", "", "", "of the roof", "bound by", "lines"];
  const rest = rows.slice(shown);
  return [
    ...columns([head, ...cells], [1, 2, 3, 4, 5, 6], (cell, r, c) => (r === 0 || c === 8 ? paint.dim(cell) : cell)),
    ...(rest.length > 0 ? [paint.dim(`and ${rest.length} more, ${ms(rest.reduce((n, row) => n + row.milliseconds, 0))} together`)] : []),
    "",
    wholeStep(table),
    `${launches} launches a micro-step; ${ms(milliseconds)} with the optimizer, kernel by kernel`,
    ceilings
      ? paint.dim(
          `the roof: ${quantity(ceilings.flops, "FLOP/s")} in a product of ${ceilings.product}, ${quantity(ceilings.bytes, "B/s")} in a copy, measured ${ceilings.date}`,
        )
      : paint.dim(`no roof: ${plain(noCeilings ?? "not measured")}`),
  ];
}

function growthLines({ name, points }: Growth, paint: ChalkInstance): string[] {
  const rows = points.map(({ value, measured, tokensPerSecond, planBytes, why }) => [
    value,
    measured ? ms(measured.step.median) : "",
    measured ? halfWidth(measured.step) : "",
    tokensPerSecond === undefined ? "" : Math.round(tokensPerSecond).toLocaleString("en-US"),
    planBytes === undefined ? "" : binary(planBytes),
    measured && measured.usedBytes !== null ? binary(measured.usedBytes) : "",
    why ?? "",
  ]);
  const head = [name, "step", "", "tokens/s", "plan", "in use", ""];
  return columns([head, ...rows], [0, 1, 2, 3, 4, 5], (cell, r) => (r === 0 ? paint.dim(cell) : cell));
}

/** A line each. */
function claimLines(claims: readonly Claim[], paint: ChalkInstance): string[] {
  const head = ["claim", "here", "otherwise", "", ""];
  const rows = claims.map(({ name, here, otherwise = "", gain = "", how }) => [name, here, otherwise, gain, how]);
  return columns([head, ...rows], [], (cell, r, c) => (r === 0 || c === 4 ? paint.dim(cell) : c === 3 ? paint.bold(cell) : cell));
}

function staticLines(rows: readonly StaticRow[], paint: ChalkInstance): string[] {
  const cells = rows.map((row, i) => [
    row.name === rows[i - 1]?.name ? "" : row.name,
    row.choice,
    row.planBytes === undefined ? "" : binary(row.planBytes),
    row.kernels === undefined ? "" : String(row.kernels),
    row.launches === undefined ? "" : String(row.launches),
    row.why ??
      (row.sameAs !== undefined
        ? `the same program as ${row.sameAs}`
        : row.unordered
          ? "not the same bits from run to run"
          : row.base
            ? "default"
            : ""),
  ]);
  const head = ["on cuda", "", "plan", "kernels", "launches", ""];
  return [
    ...columns([head, ...cells], [2, 3, 4], (cell, r) => (r === 0 ? paint.dim(cell) : cell)),
    paint.dim("No GPU is here: of that target, this is what is known without one."),
  ];
}
