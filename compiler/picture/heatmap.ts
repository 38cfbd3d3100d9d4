/** A heat map: rows by columns, a colour for each value. */
import { empty, type Picture, px, shortened, svg, usualWidth, widthOf } from "./frame.js";
import { type Markup, markup } from "./markup.js";
import { quantity, type Unit } from "./quantity.js";

export interface HeatMap extends Picture {
  rows: readonly string[];
  columns: readonly string[];
  /** A list a row. NaN and what is missing have no colour. */
  values: readonly (readonly number[])[];
  /** The values at the two ends of the colours; what is beyond has the colour of the end. Default: the data's. */
  from?: number;
  to?: number;
  /** The value with the neutral colour: above it colours are warm, below it cool. Without it they go from pale to strong. */
  middle?: number;
  unit?: Unit;
  rowLabel?: string;
  columnLabel?: string;
  /** What the colours mean, above them: "tokens over the mean". */
  valueLabel?: string;
  /** Pixels of a row. Default: what the number of rows leaves. */
  rowHeight?: number;
}

/** Shades on each side: as many as the eye tells apart. */
const shades = 6;

/**
 * heatmap({ title: "Expert load", rows: ["expert 0", "expert 1"], columns: ["10", "20"], values: [[1.2, 0.8], [0.8, 1.2]],
 *   middle: 1, columnLabel: "step", valueLabel: "tokens over the mean" })
 *
 * Cells of one colour are one path, so that a map of 64 × 200 stays some tens of kilobytes. Maps of up to 1,200 cells tell
 * their values under the pointer.
 */
export function heatmap(map: HeatMap): Markup {
  const { width = usualWidth, rows, columns, values } = map;
  const found = values.flat().filter(Number.isFinite);
  if (rows.length === 0 || columns.length === 0 || found.length === 0) return empty(map);
  const shade = shader(map, found);
  const rowHeight = map.rowHeight ?? Math.max(3, Math.min(18, 260 / rows.length));
  const left = Math.min(width / 3, 14 + Math.max(...rows.map(widthOf), widthOf(map.rowLabel ?? "")));
  const top = 34;
  const cell = (width - left - 12) / columns.length;
  const bottom = top + rowHeight * rows.length;
  const height = bottom + (map.columnLabel ? 40 : 24);
  const paths = new Map<string, string>();
  values.forEach((row, r) => {
    for (let c = 0; c < columns.length; ) {
      const kind = shade(row[c] ?? Number.NaN);
      let end = c + 1;
      while (end < columns.length && shade(row[end] ?? Number.NaN) === kind) end++;
      if (kind !== undefined) paths.set(kind, `${paths.get(kind) ?? ""}M${c} ${r}h${end - c}v1h${c - end}z`);
      c = end;
    }
  });
  const area = markup`<rect class="missing" x="${px(left)}" y="${px(top)}" width="${px(cell * columns.length)}" height="${px(rowHeight * rows.length)}"/>`;
  // Six digits: a tenth of a pixel a cell would add up over the columns.
  const cells = markup`<g class="cells" transform="translate(${px(left)} ${top}) scale(${cell.toFixed(6)} ${rowHeight.toFixed(6)})">${[
    ...paths,
  ].map(([kind, d]) => markup`<path class="${kind}" d="${d}"/>`)}</g>`;
  const rowLabels = spaced(rows.length, rowHeight, 13).map(
    (r) =>
      markup`<text x="${px(left - 6)}" y="${px(top + (r + 0.5) * rowHeight + 4)}" text-anchor="end">${shortened(rows[r] ?? "", left - 10)}</text>`,
  );
  const widest = Math.max(...columns.map(widthOf));
  const columnLabels = spaced(columns.length, cell, widest + 14).map(
    (c) =>
      markup`<text x="${px(Math.min(left + (c + 0.5) * cell, width - widthOf(columns[c] ?? "") / 2))}" y="${px(bottom + 16)}" text-anchor="middle">${columns[c]}</text>`,
  );
  const label =
    map.columnLabel && markup`<text class="label" x="${px(width - 12)}" y="${px(height - 6)}" text-anchor="end">${map.columnLabel}</text>`;
  const side = map.rowLabel && markup`<text class="label" x="4" y="18">${map.rowLabel}</text>`;
  const body = markup`${side}${colourKey(map, found, width)}${area}${cells}<g class="ticks">${rowLabels}${columnLabels}</g>${label}${tellCells(map, left, top, cell, rowHeight)}`;
  return svg(map, width, height, body);
}

function endsOf(map: HeatMap, found: readonly number[]): readonly [number, number] {
  let [low, high] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of found) [low, high] = [Math.min(low, value), Math.max(high, value)];
  return [map.from ?? low, map.to ?? high];
}

/** A value's class: q0 … q6 from pale to strong, or d-6 … d6 (written n6 … p6) around a middle. */
function shader(map: HeatMap, found: readonly number[]): (value: number) => string | undefined {
  const [from, to] = endsOf(map, found);
  const { middle } = map;
  const within = (value: number, low: number, high: number): number =>
    high > low ? Math.max(0, Math.min(1, (value - low) / (high - low))) : 0;
  return (value) => {
    if (!Number.isFinite(value)) return undefined;
    if (middle === undefined) return `q${Math.round(shades * within(value, from, to))}`;
    const step = value >= middle ? Math.round(shades * within(value, middle, to)) : -Math.round(shades * within(-value, -middle, -from));
    return step === 0 ? "p0" : `${step > 0 ? "p" : "n"}${Math.abs(step)}`;
  };
}

/** The indices that get a name, so that names keep `least` pixels apart. */
function spaced(count: number, size: number, least: number): number[] {
  const stride = Math.max(1, Math.ceil(least / size));
  return Array.from({ length: Math.ceil(count / stride) }, (_, i) => i * stride);
}

function colourKey(map: HeatMap, found: readonly number[], width: number): Markup {
  const [from, to] = endsOf(map, found);
  const steps = Array.from({ length: shades + 1 }, (_, i) => i);
  const kinds =
    map.middle === undefined
      ? steps.map((i) => `q${i}`)
      : [
          ...steps
            .slice(1)
            .reverse()
            .map((i) => `n${i}`),
          ...steps.map((i) => `p${i}`),
        ];
  const last = quantity(to, map.unit);
  const right = width - 12 - widthOf(last) - 6;
  const left = right - kinds.length * 12;
  const boxes = kinds.map((kind, i) => markup`<rect class="${kind}" x="${px(left + i * 12)}" y="8" width="12" height="11"/>`);
  const first = `${map.valueLabel ? `${map.valueLabel}  ` : ""}${quantity(from, map.unit)}`;
  const ends = markup`<text x="${px(left - 6)}" y="18" text-anchor="end">${first}</text><text x="${px(right + 6)}" y="18">${last}</text>`;
  return markup`<g class="legend cells">${boxes}</g><g class="legend">${ends}</g>`;
}

function tellCells(
  { rows, columns, values, unit, columnLabel }: HeatMap,
  left: number,
  top: number,
  cell: number,
  rowHeight: number,
): Markup {
  if (rows.length * columns.length > 1200) return markup``;
  const all = rows.flatMap((row, r) =>
    columns.map((column, c) => {
      const told = `${row}, ${columnLabel ?? ""} ${column}: ${quantity(values[r]?.[c] ?? Number.NaN, unit)}`;
      return markup`<rect x="${px(left + c * cell)}" y="${px(top + r * rowHeight)}" width="${px(cell)}" height="${px(rowHeight)}"><title>${told}</title></rect>`;
    }),
  );
  return markup`<g class="tell">${all}</g>`;
}
