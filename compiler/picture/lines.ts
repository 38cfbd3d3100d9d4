/** A line plot: some series of numbers over one axis. */
import { type Axis, fits } from "./axis.js";
import { bubble, colourOf, empty, type Frame, frame, hover, type Picture, px, shortened, svg, widthOf } from "./frame.js";
import { type Markup, markup, nothing } from "./markup.js";
import { quantity } from "./quantity.js";
import { type Point, smoothed, thinned } from "./series.js";

export interface Series {
  name: string;
  points: readonly Point[];
  /** Draws the values faintly and, above them, their moving mean over about so many values. */
  smooth?: number;
  /** For few, far apart values: a dot on each. */
  dots?: boolean;
  dashed?: boolean;
  /** Default: its place among the series. */
  colour?: number;
}

export interface LinePlot extends Picture {
  x?: Axis;
  y?: Axis;
  series: readonly Series[];
  /** Vertical lines with a word, such as where a run was resumed. */
  marks?: readonly { x: number; name: string }[];
}

/**
 * lines({ title: "Loss", x: { label: "step", whole: true, tight: true }, y: { label: "nats a token" },
 *   series: [{ name: "training", points: [[1, 5.5], [2, 5.1]], smooth: 20 }] })
 *
 * Values that are not finite are gaps. Under the pointer it tells the values.
 */
export function lines(plot: LinePlot): Markup {
  const { x = {}, y = {}, series, marks = [] } = plot;
  const good = series.map(({ points }) => points.filter(([px, py]) => fits(x, px) && fits(y, py)));
  if (good.every((points) => points.length === 0)) return empty(plot);
  const keys = series.map((one, i) => ({
    name: one.name,
    colour: one.colour ?? i,
    mark: one.dashed ? ("dashed" as const) : ("line" as const),
  }));
  const f = frame({ ...plot, x, y, xs: values(good, 0), ys: values(good, 1), keys });
  const drawn = series.map((one, i) => draw(f, one, colourOf(one.colour ?? i), x));
  return svg(plot, f.width, f.height, markup`${f.behind}${marks.map((mark) => vertical(f, mark))}${drawn}${readings(f, plot)}`);
}

function* values(all: readonly (readonly Point[])[], which: 0 | 1): Iterable<number> {
  for (const points of all) for (const point of points) yield point[which];
}

function draw(f: Frame, one: Series, colour: string, x: Axis): Markup {
  const points = one.points.filter(([at]) => fits(x, at));
  const width = f.right - f.left;
  const raw = thinned(points, width);
  const kind = one.dashed ? " dashed" : "";
  if (one.smooth === undefined)
    return markup`<path class="line ${colour}${kind}" d="${path(f, raw)}"/>${dots(f, one.dots ? raw : alone(raw), colour)}`;
  const average = thinned(smoothed(points, one.smooth), width);
  return markup`<path class="line raw ${colour}" d="${path(f, raw)}"/><path class="line ${colour}${kind}" d="${path(f, average)}"/>${dots(f, alone(raw), colour)}`;
}

function path(f: Frame, points: readonly Point[]): string {
  let open = false;
  let text = "";
  for (const [x, y] of points) {
    const [left, top] = [f.x.place(x), f.y.place(y)];
    const there = Number.isFinite(left) && Number.isFinite(top);
    if (there) text += `${open ? "L" : "M"}${px(left)} ${px(top)}`;
    open = there;
  }
  return text;
}

/** A value between two gaps makes no line, and would not be seen. */
const alone = (points: readonly Point[]): readonly Point[] =>
  points.filter((_, i) => !Number.isFinite(points[i - 1]?.[1]) && !Number.isFinite(points[i + 1]?.[1]));

const dots = (f: Frame, points: readonly Point[], colour: string): Markup[] =>
  points.flatMap(([x, y]) => {
    const [left, top] = [f.x.place(x), f.y.place(y)];
    return Number.isFinite(left + top) ? [markup`<circle class="fill ${colour}" cx="${px(left)}" cy="${px(top)}" r="3"/>`] : [];
  });

function vertical(f: Frame, { x, name }: { x: number; name: string }): Markup {
  const at = f.x.place(x);
  if (!Number.isFinite(at)) return nothing;
  const before = at + 8 + widthOf(name) > f.right;
  const side = before ? "end" : "start";
  return markup`<path class="mark" d="M${px(at)} ${px(f.top)}V${px(f.bottom)}"/><text class="faint" x="${px(at + (before ? -5 : 5))}" y="${px(f.top + 10)}" text-anchor="${side}">${name}</text>`;
}

/** About the most places that have a reading: each costs some hundred bytes. */
const mostReadings = 120;

/** The plot in upright stripes, each of which shows the nearest values of all series. */
function readings(f: Frame, { x = {}, y = {}, series }: LinePlot): Markup {
  const places = [...new Set(series.flatMap(({ points }) => points.map(([at]) => at)))].filter((at) => fits(x, at)).sort((a, b) => a - b);
  const stride = Math.ceil(places.length / mostReadings);
  const shown = places.filter((_, i) => i === places.length - 1 || i % stride === 0);
  const look = series.map(({ points }) => new Map(points));
  const average = series.map(({ points, smooth }) => (smooth === undefined ? undefined : new Map(smoothed(points, smooth))));
  return markup`${shown.map((at, i) => {
    const left = f.x.place(at);
    const from = i === 0 ? f.left : (f.x.place(shown[i - 1]!) + left) / 2;
    const to = i === shown.length - 1 ? f.right : (left + f.x.place(shown[i + 1]!)) / 2;
    const found = series.flatMap(({ name, colour }, s) => {
      const value = look[s]?.get(at);
      return value === undefined ? [] : [{ name, colour: colourOf(colour ?? s), value, mean: average[s]?.get(at) }];
    });
    const rows = found.map(({ name, value, mean }) => {
      const soft = mean === undefined || !Number.isFinite(mean) ? "" : `, mean ${quantity(mean, y.unit)}`;
      return `${shortened(name, 150)}  ${quantity(value, y.unit)}${soft}`;
    });
    const head = `${x.label ?? ""} ${x.whole ? at.toLocaleString("en-US") : quantity(at, x.unit)}`.trim();
    const width = 28 + Math.max(...[head, ...rows].map(widthOf));
    const lines = [markup`${head}`, ...found.map(({ colour }, r) => markup`<tspan class="fill ${colour}">● </tspan>${rows[r]}`)];
    const dot = found.map(({ colour, value, mean }) => {
      const top = f.y.place(mean ?? value);
      return Number.isFinite(top) && markup`<circle class="fill ${colour}" cx="${px(left)}" cy="${px(top)}" r="3.5"/>`;
    });
    const line = markup`<path class="mark" d="M${px(left)} ${px(f.top)}V${px(f.bottom)}"/>`;
    return hover(
      { x: from, y: f.top, width: Math.max(0, to - from), height: f.bottom - f.top },
      markup`${line}${dot}${bubble(f, left, f.top, lines, width)}`,
    );
  })}`;
}
