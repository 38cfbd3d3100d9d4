/** Columns of text for a terminal. */
import { plain } from "../plain.js";

/** Cells under their heads, two blanks apart; columns named in `right` end at one place. Nothing in a cell moves the cursor. */
export function columns(head: readonly string[], rows: readonly (readonly string[])[], right: ReadonlySet<string> = new Set()): string[] {
  const cells = [head, ...rows].map((row) => row.map((cell) => plain(cell).replaceAll(/[\n\t]/g, " ")));
  const widths = head.map((_, i) => Math.max(...cells.map((row) => row[i]!.length)));
  return cells.map((row) =>
    row
      .map((cell, i) => (right.has(head[i]!) ? cell.padStart(widths[i]!) : cell.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd(),
  );
}

/** Cut to a terminal's width, where it has one. */
export const cut = (line: string, width: number | undefined): string =>
  width === undefined || line.length <= width ? line : `${line.slice(0, Math.max(0, width - 1))}…`;

/** 1,234.5: thousands apart, so many digits behind the point. */
export const figure = (x: number, digits = 0): string =>
  x.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });

/** What is not known. */
export const none = "–";
