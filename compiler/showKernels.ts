/** The kernels of a model as a table: a row a kernel. */
import type { Manifest } from "./manifest.js";

export function showKernels(manifest: Manifest): string {
  const rows = manifest.kernels.map((k) => [
    k.name,
    k.form,
    k.programs.join(" "),
    [...new Set(k.ops)].join(" "),
    `${(k.flops / 1e6).toFixed(1)}`,
    `${(k.bytes / 1e6).toFixed(2)}`,
    k.lines.slice(0, 4).join(" ") + (k.lines.length > 4 ? " …" : ""),
  ]);
  const head = ["kernel", "form", "programs", "ops", "MFLOP", "MB", "lines"];
  const widths = head.map((h, i) => Math.max(h.length, ...rows.map((r) => r[i]!.length)));
  const line = (cells: readonly string[]): string =>
    cells
      .map((c, i) => (i === 4 || i === 5 ? c.padStart(widths[i]!) : c.padEnd(widths[i]!)))
      .join("  ")
      .trimEnd();
  return [line(head), ...rows.map(line)].join("\n");
}
