/** Points under ceilings: the roofline of kernels, or any cloud of named points. */
import { type Axis, fits } from "./axis.js";
import { bubble, colourOf, empty, type Frame, frame, hover, type Key, type Picture, px, shortened, svg, widthOf } from "./frame.js";
import { type Markup, markup, nothing } from "./markup.js";
import { quantity } from "./quantity.js";

export interface Dot {
  name: string;
  x: number;
  y: number;
  /** Dots of a group have one colour and stand in the legend once. */
  group?: string;
  /** Its area; relative to the others. */
  weight?: number;
  /** More lines for what is shown under the pointer. */
  about?: readonly string[];
  /** Where a click leads: an anchor of the page, such as "#fwd_02_rmsnorm". */
  href?: string;
}

/** What nothing can be above: min(slope · x, level). One of the two may be missing. */
export interface Ceiling {
  slope?: number;
  level?: number;
  slopeName?: string;
  levelName?: string;
}

export interface ScatterPlot extends Picture {
  x?: Axis;
  y?: Axis;
  dots: readonly Dot[];
  ceilings?: readonly Ceiling[];
  /** How many dots have their name beside them, the heaviest first, where there is room. Default: 12. */
  names?: number;
}

/**
 * scatter({ title: "Kernels under the roofline", x: { log: true, unit: "FLOP/B", label: "FLOP a byte" },
 *   y: { log: true, unit: "FLOP/s" }, ceilings: [{ slope: 4.1e12, slopeName: "memory", level: 7.9e14, levelName: "tensor cores" }],
 *   dots: [{ name: "fwd_02_rmsnorm", x: 0.5, y: 1.9e12, weight: 0.4, group: "rowwise" }] })
 */
export function scatter(plot: ScatterPlot): Markup {
  const { x = {}, y = {}, ceilings = [] } = plot;
  const dots = plot.dots.filter((dot) => fits(x, dot.x) && fits(y, dot.y));
  if (dots.length === 0) return empty(plot);
  const groups = [...new Set(dots.map(({ group }) => group ?? ""))];
  const keys = groups.map((name, colour): Key => ({ name, colour, mark: "dot" }));
  const f = frame({
    ...plot,
    x,
    y,
    keys,
    xs: spread(x, dots, ceilings),
    ys: [...dots.map((dot) => dot.y), ...ceilings.flatMap(({ level }) => (level === undefined ? [] : level * (y.log ? 1.7 : 1.1)))],
  });
  const heaviest = Math.max(...dots.map(({ weight }) => weight ?? 0));
  const marks = [...dots]
    .sort((a, b) => (b.weight ?? 0) - (a.weight ?? 0))
    .map((dot) => ({
      dot,
      left: f.x.place(dot.x),
      top: f.y.place(dot.y),
      radius: heaviest > 0 ? 3 + 9 * Math.sqrt((dot.weight ?? 0) / heaviest) : 4.5,
      colour: colourOf(groups.indexOf(dot.group ?? "")),
    }));
  const body = markup`${f.behind}${ceilings.map((ceiling) => roof(f, ceiling))}${marks.map(
    ({ left, top, radius, colour }) => markup`<circle class="dot fill ${colour}" cx="${px(left)}" cy="${px(top)}" r="${px(radius)}"/>`,
  )}${labels(f, marks, plot.names ?? 12)}${marks.map((mark) => reading(f, mark, x, y))}`;
  return svg(plot, f.width, f.height, body);
}

/** The ridge of a roof belongs to the picture: left of it memory bounds, right of it arithmetic. */
function spread(x: Axis, dots: readonly Dot[], ceilings: readonly Ceiling[]): number[] {
  const own = dots.map((dot) => dot.x);
  const ridges = ceilings.flatMap(({ slope, level }) => (slope && level ? [(level / slope) * (x.log ? 3 : 1.2)] : []));
  return [...own.map((value) => (x.log ? value / 1.5 : value)), ...own, ...ridges];
}

function roof(f: Frame, { slope, level, slopeName, levelName }: Ceiling): Markup {
  const ridge = slope && level !== undefined ? level / slope : undefined;
  const parts: Markup[] = [];
  if (slope) {
    const to = Math.min(f.x.to, ridge ?? f.x.to, f.y.to / slope);
    const from = Math.max(f.x.from, Math.min(to, f.y.from / slope));
    const [x1, y1, x2, y2] = [f.x.place(from), f.y.place(slope * from), f.x.place(to), f.y.place(slope * to)];
    const angle = (Math.atan2(y2 - y1, x2 - x1) * 180) / Math.PI;
    const [mx, my] = [x1 + (x2 - x1) * 0.3, y1 + (y2 - y1) * 0.3 - 6];
    parts.push(markup`<path class="ceiling" d="M${px(x1)} ${px(y1)}L${px(x2)} ${px(y2)}"/>`);
    if (slopeName)
      parts.push(markup`<text class="faint" transform="translate(${px(mx)} ${px(my)}) rotate(${px(angle)})">${slopeName}</text>`);
  }
  if (level !== undefined) {
    const from = Math.max(f.x.from, Math.min(ridge ?? f.x.from, f.x.to));
    const at = f.y.place(level);
    parts.push(markup`<path class="ceiling" d="M${px(f.x.place(from))} ${px(at)}H${px(f.right)}"/>`);
    if (levelName) parts.push(markup`<text class="faint" x="${px(f.right)}" y="${px(at - 6)}" text-anchor="end">${levelName}</text>`);
  }
  return markup`${parts}`;
}

interface Mark {
  dot: Dot;
  left: number;
  top: number;
  radius: number;
  colour: string;
}

type Box = readonly [left: number, top: number, right: number, bottom: number];

/** A name goes right, left, above or below its dot, where it covers no dot and no other name; else it is left to the pointer. */
function labels(f: Frame, marks: readonly Mark[], most: number): Markup {
  const taken: Box[] = marks.map(({ left, top, radius: r }) => [left - r, top - r, left + r, top + r]);
  const meets = (a: Box, b: Box): boolean => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  const inside = ([left, top, right, bottom]: Box): boolean => left >= f.left && right <= f.right && top >= f.top && bottom <= f.bottom;
  const drawn = marks.slice(0, most).map(({ dot, left, top, radius }) => {
    const name = shortened(dot.name, 190);
    const wide = widthOf(name);
    const places: (readonly [number, number])[] = [
      [left + radius + 4, top + 4],
      [left - radius - 4 - wide, top + 4],
      [left - wide / 2, top - radius - 5],
      [left - wide / 2, top + radius + 13],
    ];
    for (const [x, y] of places) {
      const box: Box = [x, y - 10, x + wide, y + 3];
      if (!inside(box) || taken.some((other) => meets(box, other))) continue;
      taken.push(box);
      return markup`<text class="name" x="${px(x)}" y="${px(y)}">${name}</text>`;
    }
    return nothing;
  });
  return markup`${drawn}`;
}

function reading(f: Frame, { dot, left, top, radius }: Mark, x: Axis, y: Axis): Markup {
  const texts = [
    shortened(dot.name, 300),
    `${quantity(dot.x, x.unit)}, ${quantity(dot.y, y.unit)}`,
    ...(dot.about ?? []).map((line) => shortened(line, 300)),
  ];
  const reach = Math.max(radius, 6) + 1;
  const box = bubble(
    f,
    left,
    top,
    texts.map((text) => markup`${text}`),
    20 + Math.max(...texts.map(widthOf)),
  );
  const ring = markup`<circle class="ring" cx="${px(left)}" cy="${px(top)}" r="${px(radius + 2)}"/>`;
  const zone = hover({ x: left - reach, y: top - reach, width: 2 * reach, height: 2 * reach }, markup`${ring}${box}`);
  return dot.href === undefined ? zone : markup`<a href="${dot.href}" aria-label="${dot.name}">${zone}</a>`;
}
