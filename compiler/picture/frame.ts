/** What plots have in common: the SVG around them, axes with their grid, a legend, and how wide a text is. */
import { type Axis, type Scale, scaleOf } from "./axis.js";
import { join, type Markup, markup, nothing } from "./markup.js";

/** Of every picture. */
export interface Picture {
  /** Read out by screen readers; not drawn. */
  title: string;
  /** Pixels at full size; a page makes it smaller where there is less room. */
  width?: number;
  height?: number;
}

export const usualWidth = 560;
export const usualHeight = 260;

/** An entry of a legend: its mark has the class `fill` and one of a colour. */
export interface Key {
  name: string;
  colour: number;
  mark?: "line" | "dashed" | "block" | "dot";
}

/** Colours repeat after the eighth. */
export const colourOf = (index: number): string => `c${index % 8}`;

/** About the pixels that a text takes at 12 px. */
export function widthOf(text: string): number {
  let width = 0;
  for (const c of text) width += c > "\u2e80" ? 12 : /[ilIj.,:;|'()[\]! ]/.test(c) ? 3.6 : /[mwMW@%—]/.test(c) ? 10 : 6.8;
  return width;
}

/** The text, without its middle where it is too wide; names often differ at their ends. */
export function shortened(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  const letters = [...text];
  let kept = letters.length - 1;
  const cut = (): string =>
    `${letters.slice(0, Math.ceil(kept / 2)).join("")}…${letters.slice(letters.length - Math.floor(kept / 2)).join("")}`;
  while (kept > 1 && widthOf(cut()) > width) kept--;
  return cut();
}

/** A tenth of a pixel is enough; "NaN" must not come into an attribute. */
export const px = (value: number): string => (Number.isFinite(value) ? String(Math.round(value * 10) / 10) : "0");

/** `body` between the tags of an SVG that is a picture to screen readers. */
export function svg({ title }: Picture, width: number, height: number, body: Markup): Markup {
  return markup`<svg class="picture" role="img" viewBox="0 0 ${px(width)} ${px(height)}" width="${px(width)}" height="${px(height)}" xmlns="http://www.w3.org/2000/svg"><title>${title}</title>${body}</svg>`;
}

/** In place of a plot that has nothing to show. */
export function empty(picture: Picture): Markup {
  const { width = usualWidth } = picture;
  return svg(picture, width, 80, markup`<text class="faint" x="${px(width / 2)}" y="44" text-anchor="middle">no values</text>`);
}

export interface Frame {
  width: number;
  height: number;
  /** The plot's rectangle. */
  left: number;
  right: number;
  top: number;
  bottom: number;
  x: Scale;
  y: Scale;
  /** Grid, numbers, labels, legend: below the data. */
  behind: Markup;
}

interface FrameOptions extends Picture {
  x: Axis;
  y: Axis;
  /** All values, from which the ends come. */
  xs: Iterable<number>;
  ys: Iterable<number>;
  keys?: readonly Key[];
}

/** Axes for plots of numbers over numbers. */
export function frame(options: FrameOptions): Frame {
  const { width = usualWidth, height = usualHeight, keys = [] } = options;
  const right = width - 14;
  const { drawn: legend, height: legendHeight } = legendOf(keys, 8, width - 16, options.y.label ? 34 : 14);
  const top = (options.y.label ? 30 : 12) + legendHeight;
  const bottom = height - (options.x.label ? 40 : 26);
  const y = scaleOf(options.y, options.ys, [bottom, top], 42);
  const left = Math.min(width / 3, 14 + Math.max(16, ...y.ticks.map(({ label }) => widthOf(label))));
  const x = scaleOf(options.x, options.xs, [left, right], 84);
  const behind = markup`<g class="grid">${y.ticks.map(({ at, label }) => label !== "" && markup`<path d="M${px(left)} ${px(at)}H${px(right)}"/>`)}${
    options.x.log ? x.ticks.map(({ at, label }) => label !== "" && markup`<path d="M${px(at)} ${px(top)}V${px(bottom)}"/>`) : nothing
  }</g><path class="axis" d="M${px(left)} ${px(bottom)}H${px(right)}"/><g class="ticks">${y.ticks.map(
    ({ at, label }) => label !== "" && markup`<text x="${px(left - 6)}" y="${px(at + 4)}" text-anchor="end">${label}</text>`,
  )}${xLabels(x, right, bottom)}</g>${options.y.label && markup`<text class="label" x="8" y="16">${options.y.label}</text>`}${
    options.x.label && markup`<text class="label" x="${px(right)}" y="${px(height - 6)}" text-anchor="end">${options.x.label}</text>`
  }${legend}`;
  return { width, height, left, right, top, bottom, x, y, behind };
}

/** Numbers below the axis, without those that would touch the one before. */
function xLabels(x: Scale, right: number, bottom: number): Markup[] {
  let free = Number.NEGATIVE_INFINITY;
  return x.ticks.flatMap(({ at, label }) => {
    const half = widthOf(label) / 2;
    const middle = Math.min(at, right + 12 - half);
    const small = markup`<path class="axis" d="M${px(at)} ${px(bottom)}v4"/>`;
    if (label === "" || middle - half < free) return [small];
    free = middle + half + 6;
    return [markup`${small}<text x="${px(middle)}" y="${px(bottom + 17)}" text-anchor="middle">${label}</text>`];
  });
}

/** Entries from left to right, in as many lines as they take; one entry alone says nothing and is left out. */
export function legendOf(keys: readonly Key[], left: number, right: number, top: number): { drawn: Markup; height: number } {
  if (keys.length < 2) return { drawn: nothing, height: 0 };
  let [x, y] = [left, top];
  const drawn = keys.map(({ name, colour, mark = "line" }) => {
    const text = shortened(name, right - left - 24);
    const width = 24 + widthOf(text);
    if (x > left && x + width > right) [x, y] = [left, y + 18];
    const at = x;
    x += width + 14;
    return markup`${markOf(mark, colour, at, y)}<text x="${px(at + 22)}" y="${px(y + 4)}">${text}${text !== name && markup`<title>${name}</title>`}</text>`;
  });
  return { drawn: markup`<g class="legend">${drawn}</g>`, height: y - top + 20 };
}

function markOf(mark: NonNullable<Key["mark"]>, colour: number, x: number, y: number): Markup {
  const c = colourOf(colour);
  if (mark === "block") return markup`<rect class="fill ${c}" x="${px(x + 3)}" y="${px(y - 5)}" width="11" height="11" rx="2"/>`;
  if (mark === "dot") return markup`<circle class="fill ${c}" cx="${px(x + 9)}" cy="${px(y)}" r="4.5"/>`;
  return markup`<path class="line ${c}${mark === "dashed" && " dashed"}" d="M${px(x)} ${px(y)}h17"/>`;
}

/** What is shown while the pointer is over a part of the plot: a rectangle that catches it, then what appears. No script. */
export function hover(zone: { x: number; y: number; width: number; height: number }, shown: Markup): Markup {
  return markup`<g class="hover"><rect x="${px(zone.x)}" y="${px(zone.y)}" width="${px(zone.width)}" height="${px(zone.height)}"/><g>${shown}</g></g>`;
}

/** A small box of text lines near (x, y), kept within `frame`. The first line is a heading. */
export function bubble(
  { left, right, top, bottom }: Pick<Frame, "left" | "right" | "top" | "bottom">,
  x: number,
  y: number,
  lines: readonly Markup[],
  width: number,
): Markup {
  const height = 10 + 16 * lines.length;
  const beside = x + 10 + width > right ? Math.max(left, x - 10 - width) : x + 10;
  const above = Math.max(Math.min(top, bottom - height), Math.min(y - height / 2, bottom - height));
  const rows = lines.map((line, i) => markup`<text x="${px(beside + 8)}" y="${px(above + 17 + 16 * i)}">${line}</text>`);
  return markup`<rect class="bubble" x="${px(beside)}" y="${px(above)}" width="${px(width)}" height="${px(height)}" rx="4"/>${join(rows)}`;
}
