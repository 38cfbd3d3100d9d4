/** Bars that lie, so that long names can be read: groups of them, each with a whisker for its spread. */
import { type Axis, scaleOf } from "./axis.js";
import { colourOf, empty, type Picture, px, shortened, svg, usualWidth, widthOf } from "./frame.js";
import { join, type Markup, markup } from "./markup.js";
import { quantity } from "./quantity.js";

export interface Bar {
  name: string;
  /** NaN: no bar; the note says why. */
  value: number;
  /** The ends of the whisker, such as quartiles. */
  low?: number;
  high?: number;
  /** Behind the value: "best", "noise". */
  note?: string;
  /** Default: its place in its group. */
  colour?: number;
}

export interface BarPlot extends Picture {
  /** Its ends always include zero. */
  axis?: Axis;
  groups: readonly { name: string; bars: readonly Bar[] }[];
}

const barHeight = 22;

/**
 * bars({ title: "Time of a step", axis: { unit: "s", label: "time of a step" }, groups: [{ name: "crossEntropy",
 *   bars: [{ name: "full", value: 0.131, low: 0.130, high: 0.133 }, { name: "chunk:512", value: 0.124, note: "best" }] }] })
 *
 * Its height follows from the number of bars.
 */
export function bars(plot: BarPlot): Markup {
  const { width = usualWidth, axis = {}, groups } = plot;
  const all = groups.flatMap((group) => group.bars);
  if (all.length === 0) return empty(plot);
  const valueText = ({ value, note }: Bar): string =>
    [Number.isFinite(value) ? quantity(value, axis.unit) : "", note].filter(Boolean).join("  ");
  const names = Math.min(width * 0.4, 12 + Math.max(...all.map(({ name }) => widthOf(name)), ...groups.map(({ name }) => widthOf(name))));
  const right = width - Math.min(width * 0.3, 16 + Math.max(...all.map((bar) => widthOf(valueText(bar)))));
  const ends = all.flatMap(({ value, low, high }) => [value, low ?? value, high ?? value]);
  const { log: _, ...linear } = axis;
  const x = scaleOf({ ...linear, zero: true }, ends, [names + 8, right], 90);
  const zero = x.place(0);
  let y = 8;
  const drawn = groups.map((group) => {
    const heading =
      group.name === "" ? undefined : markup`<text class="label strong" x="4" y="${px(y + 15)}">${shortened(group.name, width - 8)}</text>`;
    if (heading) y += barHeight;
    const rows = group.bars.map((bar, i) => {
      const top = y;
      y += barHeight;
      return one(bar, i, top, valueText(bar));
    });
    y += 8;
    return markup`${heading}${rows}`;
  });
  const height = y + (axis.label ? 40 : 24);
  const grid = x.ticks.map(({ at }) => markup`<path d="M${px(at)} 4V${px(y)}"/>`);
  const numbers = x.ticks.map(({ at, label }) => markup`<text x="${px(at)}" y="${px(y + 16)}" text-anchor="middle">${label}</text>`);
  const label = axis.label && markup`<text class="label" x="${px(right)}" y="${px(height - 6)}" text-anchor="end">${axis.label}</text>`;
  const frame = markup`<g class="grid">${grid}</g><g class="ticks">${numbers}</g>${label}`;
  return svg(plot, width, height, markup`${frame}${drawn}<path class="axis" d="M${px(zero)} 4V${px(y)}"/>`);

  function one(bar: Bar, i: number, top: number, text: string): Markup {
    const end = x.place(bar.value);
    const colour = colourOf(bar.colour ?? i);
    const middle = top + barHeight / 2;
    const short = shortened(bar.name, names - 12);
    const box = Number.isFinite(end)
      ? markup`<rect class="fill ${colour}" x="${px(Math.min(zero, end))}" y="${px(top + 4)}" width="${px(Math.max(1, Math.abs(end - zero)))}" height="${barHeight - 8}" rx="2"/>`
      : undefined;
    const [low, high] = [x.place(bar.low ?? Number.NaN), x.place(bar.high ?? Number.NaN)];
    const spread = Number.isFinite(low + high);
    const whisker =
      spread &&
      markup`<path class="whisker" d="M${px(low)} ${px(middle)}H${px(high)}M${px(low)} ${px(middle - 4)}v8M${px(high)} ${px(middle - 4)}v8"/>`;
    const reach = Math.max(...[zero, end, high].filter(Number.isFinite));
    const range = spread ? `, ${quantity(bar.low ?? 0, axis.unit)} to ${quantity(bar.high ?? 0, axis.unit)}` : "";
    return markup`<g><title>${bar.name}: ${text}${range}</title><text x="${px(names)}" y="${px(middle + 4)}" text-anchor="end">${short}</text>${join([box, whisker])}<text class="value" x="${px(reach + 7)}" y="${px(middle + 4)}">${text}</text></g>`;
  }
}
