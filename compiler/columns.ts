/** Text in columns, for a terminal. */
import { plain } from "./plain.js";

/**
 * Rows of cells, each column as wide as its widest cell, two spaces apart; columns of `right` end together, as numbers do. Cells are made
 * safe to print, and `paint` colours a whole cell once it has its width.
 */
export function columns(
  rows: readonly (readonly string[])[],
  right: readonly number[] = [],
  paint: (cell: string, row: number, column: number) => string = (cell) => cell,
): string[] {
  const safe = rows.map((row) => row.map((cell) => plain(cell).replace(/[\n\t]/g, " ")));
  const count = Math.max(0, ...safe.map((row) => row.length));
  const widths = Array.from({ length: count }, (_, i) => Math.max(0, ...safe.map((row) => row[i]?.length ?? 0)));
  return safe.map((row, r) => {
    const last = row.findLastIndex((cell) => cell !== "");
    const cells = row.slice(0, last + 1).map((cell, i) => {
      const width = widths[i] ?? 0;
      const padded = right.includes(i) ? cell.padStart(width) : i === last ? cell : cell.padEnd(width);
      return paint(padded, r, i);
    });
    return cells.join("  ");
  });
}
