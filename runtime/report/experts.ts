/** The report's part on experts: who got how many tokens, over the run and at its end. */
import { digits, figure, figures, heatmap, lines, type Markup, table } from "../../compiler/picture/index.js";
import type { LoadSummary, Metrics } from "../metrics.js";
import type { RunFacts } from "./facts.js";
import { loadsOf, seriesOf } from "./readMetrics.js";

/** An even share is 1; twice as much, and nothing, are the ends of the colours. */
const colours = { middle: 1, from: 0, to: 2, valueLabel: "share of an even one" } as const;

/** A map of more cells than this says no more, and makes the page slow. */
const mostCells = 120_000;

/** Undefined for a model without experts. */
export function expertFigures(metrics: readonly Metrics[], facts: RunFacts | undefined): Markup | undefined {
  const { steps, layers } = loadsOf(metrics);
  if (layers.size === 0) return undefined;
  const named = [...layers];
  const experts = Math.max(1, ...named.map(([, loads]) => sizeOf(loads)));
  const columns = Math.max(12, Math.min(100, Math.floor(mostCells / (experts * named.length))));
  const stretches = stretchesOf(steps.length, columns);
  const labels = stretches.map(([from]) => (steps[from] ?? 0).toLocaleString("en-US"));
  const marks = (facts?.starts ?? []).slice(1).map(({ step }) => ({ x: step, name: "resumed" }));
  const x = { label: "step", tight: true, whole: true };
  const balance = seriesOf(metrics, "balance").filter(([, value]) => value !== 0);
  const maps = named.flatMap(([layer, loads]) => {
    if (sizeOf(loads) === 0) return [];
    const picture = heatmap({
      ...colours,
      title: `Tokens of each expert of ${layer} over steps`,
      rows: Array.from({ length: sizeOf(loads) }, (_, expert) => String(expert)),
      columns: labels,
      values: overSteps(loads, stretches),
      rowLabel: "expert",
      columnLabel: "step",
    });
    return [figure({ title: layer, note: "tokens of each expert over the run", picture })];
  });
  return figures([
    finalFigure(named, experts),
    figure({
      title: "Evenness",
      note: "1: all experts get the same",
      picture:
        named.length <= 8
          ? lines({
              title: "Evenness of each layer over steps",
              x,
              y: { to: 1 },
              marks,
              series: named.map(([name, loads]) => ({
                name,
                points: loads.map((load, i) => [steps[i] ?? 0, load?.evenness ?? Number.NaN] as const),
              })),
            })
          : heatmap({
              title: "Evenness of each layer over steps",
              rows: named.map(([name]) => name),
              columns: labels,
              values: named.map(([, loads]) => stretches.map(([from, to]) => mean(loads.slice(from, to).map((load) => load?.evenness)))),
              to: 1,
              columnLabel: "step",
              valueLabel: "evenness",
            }),
    }),
    balance.length > 0 &&
      figure({
        title: "Balance loss",
        note: "of all layers, with its weight",
        picture: lines({
          title: "Balance loss over steps",
          x,
          marks,
          series: [{ name: "balance", points: balance, smooth: Math.round(balance.length / 30) }],
        }),
      }),
    ...maps,
  ]);
}

const sizeOf = (loads: readonly (LoadSummary | undefined)[]): number => Math.max(0, ...loads.map((load) => load?.tokens?.length ?? 0));

const mean = (values: readonly (number | undefined)[]): number => {
  const found = values.filter((value) => value !== undefined && Number.isFinite(value)) as number[];
  return found.reduce((sum, value) => sum + value, 0) / found.length;
};

/** At most `most` runs of neighbouring lines: [from, to[ of each. */
function stretchesOf(count: number, most: number): [number, number][] {
  const length = Math.max(1, Math.ceil(count / most));
  return Array.from({ length: Math.ceil(count / length) }, (_, i) => [i * length, Math.min((i + 1) * length, count)]);
}

/** A row an expert: its tokens over an even share, mean over each stretch. */
function overSteps(loads: readonly (LoadSummary | undefined)[], stretches: readonly [number, number][]): number[][] {
  const shares = loads.map(sharesOf);
  return Array.from({ length: sizeOf(loads) }, (_, expert) =>
    stretches.map(([from, to]) => mean(shares.slice(from, to).map((share) => share[expert]))),
  );
}

function sharesOf(load: LoadSummary | undefined): number[] {
  const tokens = load?.tokens ?? [];
  const total = tokens.reduce((sum, count) => sum + count, 0);
  return tokens.map((count) => (total === 0 ? Number.NaN : (count * tokens.length) / total));
}

function finalFigure(named: readonly (readonly [string, readonly (LoadSummary | undefined)[]])[], experts: number): Markup {
  const last = named.map(([name, loads]) => ({ name, load: loads.findLast((load) => load !== undefined) }));
  return figure({
    title: "At the end",
    note: "tokens of each expert; 1 is an even share",
    picture: heatmap({
      ...colours,
      title: "Tokens of each expert at the end, by layer",
      rows: last.map(({ name }) => name),
      columns: Array.from({ length: experts }, (_, i) => String(i)),
      values: last.map(({ load }) => sharesOf(load)),
      columnLabel: "expert",
      rowHeight: Math.max(8, Math.min(26, 300 / last.length)),
    }),
    numbers: table({
      title: "How evenly experts were used at the end",
      columns: [{ name: "layer", code: true }, ...["busiest", "unused", "evenness"].map((name) => ({ name, number: true }))],
      rows: last.map(({ name, load }) => [
        name,
        load ? `${digits(load.worst)} ×` : "",
        load?.unused ?? "",
        load ? digits(load.evenness) : "",
      ]),
    }),
  });
}
