/** The report's part on the course of the training: figures of metrics over steps. */
import {
  type Axis,
  digits,
  figure,
  figures,
  lines,
  type Markup,
  type Point,
  quantity,
  type Series,
  table,
} from "../../compiler/picture/index.js";
import type { Metrics } from "../metrics.js";
import type { RunFacts } from "./facts.js";
import { seriesOf } from "./readMetrics.js";

const x: Axis = { label: "step", tight: true, whole: true };

/** The mean is taken over so many steps: a thirtieth of the run. */
const spanOf = (points: readonly Point[]): number => Math.max(1, Math.min(1000, Math.round(points.length / 30)));

export function trainingFigures(metrics: readonly Metrics[], facts: RunFacts | undefined): Markup {
  const marks = (facts?.starts ?? []).slice(1).map(({ step }) => ({ x: step, name: "resumed" }));
  const plot = (title: string, series: Series[], y: Axis = {}, wide = false): Markup =>
    lines({ title, x, y, series, marks, ...(wide ? { width: 1140, height: 320 } : {}) });
  const [loss, validation] = [seriesOf(metrics, "loss"), seriesOf(metrics, "validationLoss")];
  const [norm, speed, memory] = [seriesOf(metrics, "gradNorm"), seriesOf(metrics, "tokensPerSecond"), seriesOf(metrics, "memory")];
  const both = [
    { name: "training", points: loss, smooth: spanOf(loss) },
    ...(validation.length > 0 ? [{ name: "evaluation", points: validation, dots: true }] : []),
  ];
  return figures([
    figure({
      title: "Loss",
      note: `cross entropy, nats a token; the strong line is the mean over ${spanOf(loss)} steps`,
      picture: plot("Loss over steps", both, { label: "nats a token" }, true),
      numbers: lossTable(metrics),
      wide: true,
    }),
    figure({
      title: "Learning rate",
      note: "by group of parameters",
      picture: plot("Learning rates over steps", rates(metrics), { zero: true }),
    }),
    figure({
      title: "Gradient norm",
      note: `of all together, before clipping${facts?.settings.clip ? ` at ${digits(facts.settings.clip)}` : ""}`,
      picture: plot(
        "Gradient norm over steps",
        [{ name: "norm", points: norm, smooth: spanOf(norm) }],
        spreads(norm) ? { log: true } : { zero: true },
      ),
    }),
    figure({
      title: "Speed",
      note: "tokens a second",
      picture: plot("Tokens a second over steps", [{ name: "tokens a second", points: speed, smooth: spanOf(speed) }], { zero: true }),
    }),
    ...communicationFigures(metrics, plot),
    memory.length > 0 &&
      figure({
        title: "Memory",
        note:
          facts?.built.target === "cuda"
            ? "of the machine's, not of the GPU's, that the process holds"
            : "that the process holds, of the machine's",
        picture: plot("Memory over steps", [{ name: "process", points: memory }], { unit: "B", zero: true }),
      }),
  ]);
}

type Plot = (title: string, series: Series[], y?: Axis) => Markup;

/** Of a run on several ranks. */
function communicationFigures(metrics: readonly Metrics[], plot: Plot): (Markup | false)[] {
  const [sent, gradients] = [seriesOf(metrics, "sentBytes"), seriesOf(metrics, "sentGradientBytes")];
  const [backward, update] = [seriesOf(metrics, "exposedBackward"), seriesOf(metrics, "exposedUpdate")];
  if (sent.length === 0) return [];
  const ranks = Math.max(...metrics.map((line) => line.ranks ?? 1));
  const series = (name: string, points: Point[]): Series => ({ name, points, smooth: spanOf(points) });
  return [
    figure({
      title: "Waiting for other ranks",
      note: `seconds a step, of the one of ${ranks} ranks that waits longest`,
      picture: plot("Exposed communication over steps", [series("backward pass", backward), series("update", update)], {
        unit: "s",
        zero: true,
      }),
    }),
    figure({
      title: "Sent between ranks",
      note: "bytes a step, of all ranks together",
      picture: plot("Bytes sent over steps", [series("all", sent), series("gradients", gradients)], { unit: "B", zero: true }),
    }),
  ];
}

/** Over more than a factor of thirty, a linear axis shows its largest values only. */
function spreads(points: readonly Point[]): boolean {
  const found = points.map(([, y]) => y).filter((y) => Number.isFinite(y) && y > 0);
  return found.length > 0 && found.reduce((a, b) => Math.max(a, b)) > 30 * found.reduce((a, b) => Math.min(a, b));
}

/** Groups with the same rates share a line. Runs of older versions tell the schedule's factor only. */
function rates(metrics: readonly Metrics[]): Series[] {
  const groups = [...new Set(metrics.flatMap(({ lr }) => Object.keys(lr ?? {})))];
  if (groups.length === 0) return [{ name: "factor of the schedule", points: seriesOf(metrics, "rate") }];
  const same = new Map<string, { names: string[]; points: [number, number][] }>();
  for (const group of groups) {
    const points = metrics.flatMap(({ step, lr }): [number, number][] => (lr?.[group] === undefined ? [] : [[step, lr[group]]]));
    const key = JSON.stringify([points[0], points[Math.floor(points.length / 2)], points.at(-1)]);
    const known = same.get(key) ?? { names: [], points };
    known.names.push(group);
    same.set(key, known);
  }
  return [...same.values()].map(({ names, points }) => ({ name: names.join(", "), points }));
}

/** The evaluations; without any, twenty steps. */
function lossTable(metrics: readonly Metrics[]): Markup {
  const evaluated = metrics.filter(({ validationLoss }) => validationLoss !== undefined);
  const stride = Math.ceil(metrics.length / 20);
  const chosen = evaluated.length > 0 ? evaluated : metrics.filter((_, i) => i % stride === 0 || i === metrics.length - 1);
  const cell = (value: unknown): string => (typeof value === "number" ? value.toFixed(4) : "");
  return table({
    title: "Losses by step",
    columns: ["step", "loss", "validation loss", "bits a byte", "gradient norm", "tokens/s"].map((name) => ({ name, number: true })),
    rows: chosen.map((line) => [
      line.step.toLocaleString("en-US"),
      cell(line.loss),
      cell(line.validationLoss),
      cell(line.bitsPerByte),
      cell(line.gradNorm),
      line.tokensPerSecond === undefined ? "" : quantity(line.tokensPerSecond),
    ]),
  });
}
