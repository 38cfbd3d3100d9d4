/**
 * The graph before and after fusion, a picture for each stretch of the program: at the left the ops in the order in which they are computed,
 * at the right the kernels that they became. An arc is a value: drawn through where it lies in memory, dotted where it never does.
 */
import { shortened } from "../../picture/frame.js";
import { type Markup, markup } from "../../picture/index.js";
import { type Inspection, type KernelFacts, type Moment, mainProgram, type OpFacts } from "../inspection.js";
import { bytes, colourOf, kernelAnchor, ms, timeOf } from "./view.js";

const rowHeight = 20;
const geometry = { width: 1120, arcs: 150, ops: 360, gap: 70, kernels: 380 };

interface Stretch {
  title: string;
  moments: Moment[];
}

export function fusionGraph(inspection: Inspection): Markup {
  const train = inspection.programs.find(({ name }) => name === mainProgram(inspection.programs))!;
  const parts = stretches(train.moments);
  const longest = Math.max(...parts.map(({ moments }) => moments.length));
  return markup`<div class="graphs">${parts.map((part) => {
    const ops = part.moments.reduce((n, { ops: own }) => n + (own?.length ?? 0), 0);
    return markup`<details class="card graph"${part.moments.length === longest && markup` open`}><summary><strong>${part.title}</strong> <span>${spread(part.moments, ops)}</span></summary>${drawing(part, inspection)}</details>`;
  })}</div>`;
}

function spread(moments: readonly Moment[], ops: number): string {
  const [first, last] = [moments[0]?.kernel, moments.at(-1)?.kernel];
  const count = `${ops} ${ops === 1 ? "op" : "ops"} in ${moments.length} ${moments.length === 1 ? "kernel" : "kernels"}`;
  return moments.length === 1 ? `${count}, ${first}` : `${count}, ${first} to ${last}`;
}

/** What lies between the borders of loops. */
function stretches(moments: readonly Moment[]): Stretch[] {
  const found: Stretch[] = [];
  const ends: { to: number; title: string }[] = [];
  let open: Stretch | undefined;
  for (const moment of moments) {
    for (let last = ends.at(-1); last !== undefined && last.to < moment.at; last = ends.at(-1)) {
      ends.pop();
      open = undefined;
    }
    if (moment.kernel === undefined) {
      ends.push({ to: moment.to, title: `${moment.loop} × ${moment.rounds}${moment.backwards ? ", backwards" : ""}` });
      open = undefined;
      continue;
    }
    if (open === undefined) {
      open = { title: ends.map(({ title }) => title).join(", ") || "outside of loops", moments: [] };
      found.push(open);
    }
    open.moments.push(moment);
  }
  return found;
}

interface Row {
  op: OpFacts;
  at: number;
  /** The number of its kernel in the stretch. */
  box: number;
}

interface Box {
  kernel: KernelFacts;
  from: number;
  to: number;
}

function drawing({ title, moments }: Stretch, { ops, kernels }: Inspection): Markup {
  const rows: Row[] = [];
  const boxes: Box[] = [];
  let y = 8;
  for (const { kernel: name, ops: own = [] } of moments) {
    const from = y;
    for (const id of own) {
      rows.push({ op: ops[id - 1]!, at: y + rowHeight / 2, box: boxes.length });
      y += rowHeight;
    }
    boxes.push({ kernel: kernels.find((kernel) => kernel.name === name)!, from, to: y });
    y += 6;
  }
  const edges = edgesOf(rows);
  const left = geometry.arcs;
  const middle = left + geometry.ops;
  const right = middle + geometry.gap + geometry.kernels;
  const height = y + 4;
  return markup`<div class="scroll" tabindex="0" role="region" aria-label="${title}"><svg class="picture flow" role="group" viewBox="0 0 ${geometry.width} ${height}" width="${geometry.width}" height="${height}"><title>${title}</title><g class="arcs">${edges.map(
    ({ from, to }) => arc(left - 4, from.at, to.at, -1, from.box === to.box ? "inside" : "stored", [boxes[from.box]!, boxes[to.box]!]),
  )}</g><g class="arcs">${boxEdges(edges).map(([a, b]) => {
    const [one, other] = [boxes[a]!, boxes[b]!];
    return arc(right + 4, middleOf(one), middleOf(other), 1, "stored", [one, other]);
  })}</g>${boxes.map((box) => kernelBox(box, middle, right))}${rows.map((row) => opRow(row, boxes[row.box]!.kernel, left))}</svg></div>`;
}

const middleOf = ({ from, to }: Box): number => (from + to) / 2;

interface Edge {
  from: Row;
  to: Row;
}

/** From the op that makes a value to each that reads it: the copy in the same kernel, where there is one. */
function edgesOf(rows: readonly Row[]): Edge[] {
  const made = new Map<number, Row[]>();
  for (const row of rows) made.set(row.op.id, [...(made.get(row.op.id) ?? []), row]);
  return rows.flatMap((to) =>
    to.op.reads.flatMap((id) => {
      const copies = made.get(id) ?? [];
      const from = copies.find(({ box }) => box === to.box) ?? copies[0];
      return from ? [{ from, to }] : [];
    }),
  );
}

function boxEdges(edges: readonly Edge[]): [number, number][] {
  const pairs = new Map<string, [number, number]>();
  for (const { from, to } of edges) if (from.box !== to.box) pairs.set(`${from.box} ${to.box}`, [from.box, to.box]);
  return [...pairs.values()];
}

function arc(x: number, from: number, to: number, way: 1 | -1, kind: string, ends: readonly Box[]): Markup {
  const reach = x + way * Math.min(geometry.arcs - 18, 12 + Math.abs(to - from) * 0.42);
  const names = [...new Set(ends.map(({ kernel }) => kernel.name))].join(" ");
  return markup`<path class="${kind}" data-k="${names}" d="M${x} ${from}C${Math.round(reach)} ${from} ${Math.round(reach)} ${to} ${x} ${to}"/>`;
}

function kernelBox({ kernel, from, to }: Box, x: number, right: number): Markup {
  const left = x + geometry.gap;
  const time = timeOf(kernel) > 0 ? `${ms(timeOf(kernel))}${kernel.launches > 1 ? ` in ${kernel.launches} launches` : ""}, ` : "";
  const about = `${time}${bytes(kernel.bytesRead + kernel.bytesWritten)} a launch`;
  const one = to - from < 2 * rowHeight;
  const y = one ? (from + to) / 2 + 4 : from + 15;
  return markup`<a href="#${kernelAnchor(kernel.name)}" data-k="${kernel.name}" class="box c${colourOf(kernel)}" aria-label="${kernel.name}"><path class="ribbon" d="M${x} ${from}C${x + 35} ${from} ${left - 35} ${from} ${left} ${from}V${to}C${left - 35} ${to} ${x + 35} ${to} ${x} ${to}Z"/><rect x="${left}" y="${from}" width="${right - left}" height="${to - from}" rx="4"/><text class="name" x="${left + 10}" y="${y}">${shortened(kernel.name, one ? 215 : 350)}</text><text class="faint" x="${one ? right - 10 : left + 10}" y="${one ? y : y + 17}" text-anchor="${one ? "end" : "start"}">${one ? (timeOf(kernel) > 0 ? ms(timeOf(kernel)) : bytes(kernel.bytesRead + kernel.bytesWritten)) : about}</text><title>${kernel.name}: ${about}</title></a>`;
}

function opRow({ op, at }: Row, kernel: KernelFacts, x: number): Markup {
  const [place] = op.places;
  const where = place ? `${place.file}:${place.line}` : "";
  const text = shortened(op.name === op.kind ? op.kind : `${op.name}`, 215);
  return markup`<a href="#${kernelAnchor(kernel.name)}" data-k="${kernel.name}" class="op" aria-label="${op.name}"><rect x="${x}" y="${at - rowHeight / 2}" width="${geometry.ops}" height="${rowHeight}"/><text class="name" x="${x + 8}" y="${at + 4}">${text}</text><text class="faint" x="${x + geometry.ops - 8}" y="${at + 4}" text-anchor="end">${shortened(`[${op.dims}]`, 130)}</text><title>@${op.id} ${op.kind}, ${where}</title></a>`;
}
