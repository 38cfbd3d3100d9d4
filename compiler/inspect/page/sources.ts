/** The model's files, with what each line costs; a line with kernels can be chosen. */
import { type Markup, markup } from "../../picture/index.js";
import { highlight, type Run } from "../highlight.js";
import type { Inspection, KernelFacts } from "../inspection.js";
import { bar, ms, weights } from "./view.js";

export function sourcesPane(inspection: Inspection): Markup {
  const { sources, kernels } = inspection;
  const named = new Set(kernels.flatMap(({ from }) => from.map((place) => place.slice(0, place.lastIndexOf(":")))));
  // The model's own files first: what comes with mlac explains it.
  const shown = sources
    .filter(({ file }) => !isBlock(file) || named.has(file))
    .sort((a, b) => Number(isBlock(a.file)) - Number(isBlock(b.file)));
  const cost = costs(inspection);
  const tabs = shown.map(
    ({ file }, i) =>
      markup`<button type="button" role="tab" id="tab-${i}" aria-controls="file-${i}" aria-selected="${i === 0 ? "true" : "false"}" data-tab="${i}">${file}</button>`,
  );
  const panes = shown.map(
    ({ file, text }, i) =>
      markup`<div class="source" role="tabpanel" id="file-${i}" aria-labelledby="tab-${i}" tabindex="-1">${linesOf(text).map((runs, l) => line(file, l + 1, i, runs, cost))}</div>`,
  );
  return markup`<div class="pane" id="sources"><div class="tabs" role="tablist" aria-label="Files">${tabs}</div><div class="scroller">${panes}</div></div>`;
}

const isBlock = (file: string): boolean => file.startsWith("mlac/");

interface Costs {
  /** Kernels whose innermost calls are at a place, and those that come from there by way of other calls. */
  own: Map<string, KernelFacts[]>;
  via: Map<string, KernelFacts[]>;
  weight: Map<string, number>;
  most: number;
}

function costs(inspection: Inspection): Costs {
  const [own, via] = [new Map<string, KernelFacts[]>(), new Map<string, KernelFacts[]>()];
  const weight = weights(inspection);
  const enter = (to: Map<string, KernelFacts[]>, place: string, kernel: KernelFacts): void =>
    void to.set(place, [...(to.get(place) ?? []), kernel]);
  for (const kernel of inspection.kernels) {
    const innermost = new Set(kernel.lines.map(({ file, line }) => `${file}:${line}`));
    for (const place of innermost) enter(own, place, kernel);
    for (const place of kernel.from) if (!innermost.has(place)) enter(via, place, kernel);
  }
  const most = Math.max(...[...own.values()].map((kernels) => share(kernels, weight)), Number.MIN_VALUE);
  return { own, via, weight, most };
}

/** A kernel of several lines counts for each of them in part. */
const share = (kernels: readonly KernelFacts[], weight: ReadonlyMap<string, number>): number =>
  kernels.reduce((n, kernel) => n + (weight.get(kernel.name) ?? 0) / Math.max(1, kernel.lines.length), 0);

function line(file: string, number: number, index: number, runs: readonly Run[], { own, via, weight, most }: Costs): Markup {
  const code = markup`<code>${runs.map(({ kind, text }) => (kind === "plain" ? text : markup`<i class="${kind}">${text}</i>`))}</code>`;
  const place = `${file}:${number}`;
  const [here, through] = [own.get(place) ?? [], via.get(place) ?? []];
  if (here.length + through.length === 0)
    return markup`<div class="line"><span class="n">${number}</span><span class="cost"></span>${code}</div>`;
  const cost = share(here, weight);
  const names = [...new Set([...here, ...through].map(({ name }) => name))];
  const timed = here.some(({ predicted, measured }) => predicted !== undefined || measured !== undefined);
  const told = `${names.length} ${names.length === 1 ? "kernel" : "kernels"}${timed && cost > 0 ? `, ${ms(cost)} a micro-step` : ""}`;
  return markup`<a class="line" href="#line-${index}-${number}" data-line="${place}" data-k="${names.join(" ")}" data-own="${here.map(({ name }) => name).join(" ")}" title="${told}"><span class="n">${number}</span><span class="cost">${here.length > 0 && bar(cost / most, 0, 28)}</span>${code}</a>`;
}

/** A text's runs, line by line. */
function linesOf(text: string): Run[][] {
  const lines: Run[][] = [[]];
  for (const { kind, text: part } of highlight(text.replace(/\n$/, "")))
    part.split("\n").forEach((piece, i) => {
      if (i > 0) lines.push([]);
      if (piece !== "") lines.at(-1)!.push({ kind, text: piece });
    });
  return lines;
}
