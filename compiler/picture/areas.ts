/** Amounts stacked on each other over time, such as memory by kind over a step. */
import { type Axis, fits } from "./axis.js";
import { bubble, colourOf, empty, type Frame, frame, hover, type Picture, px, shortened, svg, widthOf } from "./frame.js";
import { type Markup, markup } from "./markup.js";
import { quantity } from "./quantity.js";

export interface Layer {
  name: string;
  /** One for each stretch; from the bottom up. What is not finite counts as zero. */
  values: readonly number[];
  colour?: number;
}

export interface AreaPlot extends Picture {
  x?: Axis;
  y?: Axis;
  /** Where stretches begin, and where the last one ends: one more than there are values. */
  edges: readonly number[];
  layers: readonly Layer[];
  /** A stretch's name, told under the pointer: the kernel. */
  names?: readonly string[];
  /** A dashed line across, such as the size of the arena. */
  ceiling?: { value: number; name: string };
}

/**
 * areas({ title: "Memory over a step", x: { label: "kernel" }, y: { unit: "B" }, edges: [0, 1, 2, 3],
 *   layers: [{ name: "weights", values: [5e6, 5e6, 5e6] }, { name: "activations", values: [1e6, 9e6, 4e6] }],
 *   names: ["fwd_01", "fwd_02", "bwd_01"], ceiling: { value: 15e6, name: "planned" } })
 *
 * Steps, not slopes: an amount stays the same for the whole of its stretch.
 */
export function areas(plot: AreaPlot): Markup {
  const { x = {}, y = {}, edges, layers, ceiling } = plot;
  const count = edges.length - 1;
  if (count < 1 || layers.length === 0 || !edges.every((edge) => fits(x, edge))) return empty(plot);
  const amount = (layer: Layer, i: number): number => (Number.isFinite(layer.values[i]) ? Math.max(0, layer.values[i]!) : 0);
  let base = new Array<number>(count).fill(0);
  const stacked = layers.map((layer) => {
    const parts = base.map((below, i) => ({ below, above: below + amount(layer, i) }));
    base = parts.map(({ above }) => above);
    return parts;
  });
  const f = frame({
    ...plot,
    x: { tight: true, ...x },
    y: { zero: true, ...y },
    xs: edges,
    ys: [...base, ...(ceiling ? [ceiling.value] : [])],
    keys: layers.map(({ name, colour }, i) => ({ name, colour: colour ?? i, mark: "block" as const })),
  });
  const drawn = layers.map(
    ({ colour }, i) => markup`<path class="area fill ${colourOf(colour ?? i)}" d="${outline(f, edges, stacked[i]!)}"/>`,
  );
  const top = ceiling ? f.y.place(ceiling.value) : Number.NaN;
  const line =
    ceiling &&
    Number.isFinite(top) &&
    markup`<path class="ceiling" d="M${px(f.left)} ${px(top)}H${px(f.right)}"/><text class="faint" x="${px(f.right)}" y="${px(top - 5)}" text-anchor="end">${ceiling.name}</text>`;
  return svg(plot, f.width, f.height, markup`${f.behind}${drawn}${line}${readings(f, plot, base)}`);
}

/** Along the upper edge and back along the lower one. */
function outline(f: Frame, edges: readonly number[], parts: readonly { below: number; above: number }[]): string {
  const at = edges.map((edge) => px(f.x.place(edge)));
  const there = parts.map(({ above }, i) => `V${px(f.y.place(above))}H${at[i + 1]}`).join("");
  const back = parts
    .map(({ below }, i) => `V${px(f.y.place(below))}H${at[i]}`)
    .reverse()
    .join("");
  return `M${at[0]} ${px(f.y.place(parts[0]?.below ?? 0))}${there}${back}Z`;
}

/** Stretches that are too narrow to be pointed at share a reading: that of the highest of them. */
function readings(f: Frame, { edges, layers, names, y = {}, x = {} }: AreaPlot, totals: readonly number[]): Markup {
  const groups: { from: number; to: number; shown: number }[] = [];
  totals.forEach((total, i) => {
    const [from, to] = [f.x.place(edges[i]!), f.x.place(edges[i + 1]!)];
    const last = groups.at(-1);
    if (last === undefined || last.to - last.from >= 4) groups.push({ from, to, shown: i });
    else {
      last.to = to;
      if (total > (totals[last.shown] ?? 0)) last.shown = i;
    }
  });
  return markup`${groups.map(({ from, to, shown }) => {
    const name = names?.[shown] ?? `${x.label ?? ""} ${quantity(edges[shown]!, x.unit)}`.trim();
    const rows = layers.map(({ name, values }) => `${shortened(name, 160)}  ${quantity(values[shown] ?? Number.NaN, y.unit)}`);
    const head = `${shortened(name, 260)}  ${quantity(totals[shown] ?? 0, y.unit)}`;
    const lines = [
      markup`${head}`,
      ...layers.map(({ colour }, i) => markup`<tspan class="fill ${colourOf(colour ?? i)}">■ </tspan>${rows[i]}`).reverse(),
    ];
    const width = 30 + Math.max(...[head, ...rows].map(widthOf));
    const stripe = markup`<rect class="stripe" x="${px(from)}" y="${px(f.top)}" width="${px(Math.max(1, to - from))}" height="${px(f.bottom - f.top)}"/>`;
    const zone = { x: from, y: f.top, width: Math.max(1, to - from), height: f.bottom - f.top };
    return hover(zone, markup`${stripe}${bubble(f, (from + to) / 2, (f.top + f.bottom) / 2, lines, width)}`);
  })}`;
}
