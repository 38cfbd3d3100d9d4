/**
 * Plots as SVG text and pages as HTML text, with no browser and no network. Of numbers a picture is made by a function of one
 * object: `lines`, `bars`, `scatter`, `heatmap`, `areas`. What it gives is Markup; `page` takes Markup and gives a file's text.
 *
 *   const loss = lines({ title: "Loss", x: { label: "step" }, series: [{ name: "training", points }] });
 *   const body = figures([figure({ title: "Loss", picture: loss, note: "nats a token" })]);
 *   writeFileSync("report.html", page({ title: model, sections: [{ title: "Training", body }] }));
 *
 * Strings are escaped by the template `markup`, in one place; so a name can be handed in as it is, anywhere.
 */
export { type AreaPlot, areas, type Layer } from "./areas.js";
export type { Axis } from "./axis.js";
export { type Bar, type BarPlot, bars } from "./bars.js";
export type { Picture } from "./frame.js";
export { type HeatMap, heatmap } from "./heatmap.js";
export { type LinePlot, lines, type Series } from "./lines.js";
export { join, json, type Markup, markup, nothing, type Piece, verbatim } from "./markup.js";
export {
  type Column,
  code,
  type Figure,
  facts,
  figure,
  figures,
  headlines,
  type Page,
  page,
  type Section,
  type Table,
  table,
} from "./page.js";
export { digits, quantity, type Unit } from "./quantity.js";
export { type Ceiling, type Dot, type ScatterPlot, scatter } from "./scatter.js";
export { type Point, smoothed, thinned } from "./series.js";
export { standalone } from "./style.js";
