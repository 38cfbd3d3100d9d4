/** Memory over a step: how much is in use, by line, and where every buffer lies in the arena and for how long. */

import { meanings } from "../../memory.js";
import { scaleOf } from "../../picture/axis.js";
import { areas, figure, type Markup, markup, table } from "../../picture/index.js";
import { type BufferFacts, type Inspection, type Moment, mainProgram } from "../inspection.js";
import { bytes, kernelAnchor, kernelLinks } from "./view.js";

const most = 7;

export function memorySection(inspection: Inspection): Markup {
  const { memory } = inspection;
  const { moments } = inspection.programs.find(({ name }) => name === mainProgram(inspection.programs))!;
  const own = memory.buffers.filter(({ program }) => program === mainProgram(inspection.programs));
  const lines = heaviest(own);
  const kinds = table({
    title: "Memory by kind",
    columns: [{ name: "kind" }, { name: "bytes", number: true }, { name: "", number: true }, { name: "what" }],
    rows: [...Object.entries(memory.kinds), ["total", memory.total] as const].map(([kind, n]) => [
      kind,
      n.toLocaleString("en-US"),
      bytes(n),
      meanings[kind as keyof typeof meanings] ?? "",
    ]),
  });
  return markup`<div class="figures">${figure({ title: "Activations in use", note: "by the line that makes them, while each kernel of a micro-step runs once", picture: inUse(inspection, own, lines, moments), wide: true })}${figure({ title: "The arena", note: "from left to right the kernels, from bottom to top the addresses: a rectangle is a buffer", picture: arena(inspection, own, lines, moments), wide: true })}</div><div class="tables"><div class="card">${kinds}</div><div class="card">${largest(own)}</div></div>`;
}

const lineOf = ({ origin }: BufferFacts): string => origin ?? "the compiler's own";

/** The lines with the largest buffers; the others are one. */
function heaviest(buffers: readonly BufferFacts[]): string[] {
  const sums = new Map<string, number>();
  for (const buffer of buffers) sums.set(lineOf(buffer), (sums.get(lineOf(buffer)) ?? 0) + buffer.bytes * (buffer.to! - buffer.from! + 1));
  return [...sums]
    .sort(([, a], [, b]) => b - a)
    .slice(0, most)
    .map(([line]) => line);
}

const colourOf = (lines: readonly string[], buffer: BufferFacts): number => (lines.indexOf(lineOf(buffer)) + most + 1) % (most + 1);

function inUse({ memory }: Inspection, own: readonly BufferFacts[], lines: readonly string[], moments: readonly Moment[]): Markup {
  const kernels = moments.filter(({ kernel }) => kernel !== undefined);
  const at = (fits: (buffer: BufferFacts) => boolean): number[] =>
    kernels.map((moment) => own.filter((b) => fits(b) && b.from! <= moment.at && moment.at <= b.to!).reduce((n, b) => n + b.bytes, 0));
  return areas({
    title: "Activations in use over a micro-step",
    width: 1120,
    height: 320,
    x: { label: "kernels, those of loops once", whole: true },
    y: { unit: "B" },
    edges: [...kernels.map((_, i) => i), kernels.length],
    layers: [
      ...lines.map((line, colour) => ({ name: line, values: at((b) => lineOf(b) === line), colour })),
      { name: "other lines", values: at((b) => !lines.includes(lineOf(b))), colour: most },
    ],
    names: kernels.map(({ kernel }) => kernel!),
    ceiling: { value: memory.shared.bytes, name: `planned: ${bytes(memory.shared.bytes)}` },
  });
}

const frame = { width: 1120, height: 380, left: 64, right: 1106, top: 22, bottom: 366 };

function arena({ memory }: Inspection, own: readonly BufferFacts[], lines: readonly string[], moments: readonly Moment[]): Markup {
  const last = Math.max(1, ...moments.map(({ to }) => to));
  const x = (at: number): number => round(frame.left + ((frame.right - frame.left) * at) / (last + 1));
  const y = (offset: number): number =>
    round(frame.bottom - ((frame.bottom - frame.top) * (offset - memory.shared.offset)) / Math.max(1, memory.shared.bytes));
  const loops = moments.filter(({ kernel }) => kernel === undefined);
  const bands = loops.map(
    ({ at, to, loop, rounds, backwards }) =>
      markup`<rect class="stripe" x="${x(at)}" y="${frame.top}" width="${x(to + 1) - x(at)}" height="${frame.bottom - frame.top}"/><text class="faint" x="${x(at)}" y="14">${loop} × ${rounds}${backwards && ", backwards"}</text>`,
  );
  const { ticks: numbers } = scaleOf({ unit: "B", from: 0, to: memory.shared.bytes, tight: true }, [], [frame.bottom, frame.top], 70);
  const ticks = numbers.map(
    ({ at, label }) =>
      markup`<path class="axis" d="M${frame.left - 4} ${round(at)}H${frame.right}"/><text x="${frame.left - 8}" y="${round(at) + 4}" text-anchor="end">${label}</text>`,
  );
  const rectangles = own.map((b) => {
    const users = [...new Set([...b.writers, ...b.readers])];
    const told = `${b.name}: ${bytes(b.bytes)}, ${lineOf(b)}`;
    const rect = markup`<rect class="buffer fill c${colourOf(lines, b)}" x="${x(b.from!)}" y="${y(b.offset + b.bytes)}" width="${round(x(b.to! + 1) - x(b.from!))}" height="${round(y(b.offset) - y(b.offset + b.bytes))}"/><title>${told}</title>`;
    return users[0] === undefined
      ? markup`<g>${rect}</g>`
      : markup`<a href="#${kernelAnchor(users[0])}" data-k="${users.join(" ")}" data-buffer="${told}" tabindex="-1" aria-label="${told}">${rect}</a>`;
  });
  return markup`<svg class="picture arena" role="group" viewBox="0 0 ${frame.width} ${frame.height}" width="${frame.width}" height="${frame.height}"><title>The arena over a micro-step</title>${bands}<g class="grid">${ticks}</g>${rectangles}</svg>`;
}

const round = (value: number): number => Math.round(value * 10) / 10;

function largest(own: readonly BufferFacts[]): Markup {
  const shown = [...own].sort((a, b) => b.bytes - a.bytes).slice(0, 40);
  return table({
    title: "The largest buffers",
    columns: [{ name: "largest buffers", code: true }, { name: "bytes", number: true }, { name: "line" }, { name: "written by" }],
    rows: shown.map((b) => [b.name, bytes(b.bytes), lineOf(b), kernelLinks(b.writers)]),
  });
}
