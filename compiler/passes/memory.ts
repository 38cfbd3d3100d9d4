/**
 * Memory: gives every value its place in one arena, before anything runs. A buffer that is only needed for a while shares
 * its bytes with others that are needed at other times; the largest are placed first, each as low as it fits.
 */
import { type Graph, type Op, size, type Value } from "../ir.js";
import type { Kernel, KernelProgram, Step } from "../kernel.js";
import type { PlannedBuffer } from "../manifest.js";
import { operands } from "./groups.js";
import type { Piece } from "./pieces.js";

/** A run of bytes. `from` and `to` are schedule positions; persistent buffers have their place from elsewhere. */
export interface Buffer {
  name: string;
  kind: PlannedBuffer["kind"];
  bytes: number;
  offset: number;
  from: number;
  to: number;
  /** The loop inside which it belongs to a single round; undefined for the whole program. */
  region: Op | undefined;
  value?: Value;
}

/** How an address moves with the rounds of a loop, in bytes per round. `parity` swaps between two slots. */
export interface Stride {
  loop: Op;
  bytes: number;
  by: "layer" | "round" | "next" | "parity" | "otherParity";
}

export type Place = { is: "external"; name: string } | { is: "buffer"; buffer: Buffer; offset: number; strides: readonly Stride[] };

export interface MemoryLayout {
  place(v: Value): Place;
  /** The scratch that a kernel asked for, if any. */
  workspace(kernel: Kernel): Place | undefined;
  buffers: readonly Buffer[];
  /** What happens at which schedule position, in order. */
  moments: readonly Moment[];
  /** Bytes of the part that is shared over time. */
  bytes: number;
}

/** A kernel's position, or the first and the last one of a loop. */
export type Moment = { is: "kernel"; at: number; kernel: Kernel } | { is: "loop"; at: number; to: number; op: Op };

export interface MemoryOptions {
  elementBytes(v: Value): number;
  /** Places that exist before this program: parameters, gradients, loads, host pointers. */
  fixed(v: Value, graph: Graph): Place | undefined;
  workspaceBytes(kernel: Kernel): number;
  /** Every buffer begins at a multiple of so many bytes. */
  alignment: number;
}

export function planMemory(program: KernelProgram, options: MemoryOptions): MemoryLayout {
  return new MemoryPlanner(program, options).plan();
}

export const align = (bytes: number, alignment: number): number => Math.ceil(bytes / alignment) * alignment;

class MemoryPlanner {
  readonly #places = new Map<Value, Place>();
  readonly #buffers: Buffer[] = [];
  readonly #carry = new Map<Value, { buffer: Buffer; bytes: number; stacked: boolean }>();
  readonly #regionOf = new Map<Op, Op | undefined>();
  readonly #span = new Map<Op, { from: number; to: number }>();
  readonly #startOf = new Map<Value, Value>();
  readonly #workspaces = new Map<Kernel, Buffer>();
  readonly #moments: Moment[] = [];

  constructor(
    readonly program: KernelProgram,
    readonly options: MemoryOptions,
  ) {}

  plan(): MemoryLayout {
    this.#survey(this.program.graph.body, undefined);
    const end = this.#walk(this.program.steps, 0, []);
    for (const output of this.program.graph.outputs) this.#touch(output.value, end, []);
    const bytes = pack(this.#buffers);
    return {
      place: (v) => this.#place(v),
      workspace: (kernel) => {
        const buffer = this.#workspaces.get(kernel);
        return buffer && { is: "buffer", buffer, offset: 0, strides: [] };
      },
      buffers: this.#buffers,
      moments: this.#moments,
      bytes,
    };
  }

  #survey(body: readonly Op[], region: Op | undefined): void {
    for (const op of body) {
      this.#regionOf.set(op, region);
      if (!op.loop) continue;
      op.loop.carried.forEach((v, i) => void this.#startOf.set(op.inputs[i]!, v));
      this.#survey(op.loop.body, op);
    }
  }

  /** Numbers the kernels and stretches every buffer over those that touch it. Gives the next position. */
  #walk(steps: readonly Step[], start: number, chain: readonly Op[]): number {
    let at = start;
    for (const step of steps) {
      if (step.is === "kernel") {
        this.#moments.push({ is: "kernel", at, kernel: step.kernel });
        for (const v of [...step.kernel.inputs, ...step.kernel.outputs]) this.#touch(v, at, chain);
        const bytes = this.options.workspaceBytes(step.kernel);
        if (bytes > 0) {
          const buffer = this.#buffer({ name: "workspace", bytes, region: chain[chain.length - 1] });
          buffer.from = buffer.to = at;
          this.#workspaces.set(step.kernel, buffer);
        }
        at += 1;
      } else {
        const from = at;
        const to = from + count(step.steps) + 1;
        this.#span.set(step.op, { from, to });
        this.#moments.push({ is: "loop", at: from, to, op: step.op });
        for (const v of [...operands(step.op), ...step.op.outputs]) {
          this.#touch(v, from, chain);
          this.#touch(v, to, chain);
        }
        this.#walk(step.steps, from + 1, [...chain, step.op]);
        at = to + 1;
      }
    }
    return at;
  }

  #touch(v: Value, at: number, chain: readonly Op[]): void {
    const place = this.#place(v);
    if (place.is === "external") return;
    const { buffer } = place;
    const depth = buffer.region ? chain.indexOf(buffer.region) + 1 : 0;
    const outer = chain[depth];
    const span = outer ? this.#span.get(outer)! : { from: at, to: at };
    buffer.from = Math.min(buffer.from, span.from);
    buffer.to = Math.max(buffer.to, span.to);
  }

  #place(v: Value): Place {
    let place = this.#places.get(v);
    if (!place) {
      place = this.#find(v);
      this.#places.set(v, place);
    }
    return place;
  }

  #find(v: Value): Place {
    const fixed = this.options.fixed(v, this.program.graph);
    if (fixed) return fixed;
    const { def } = v;
    if (def.is === "input") throw new Error(`input ${def.name} has no place`);
    if (def.is === "slice") return this.#layerOf(def.op.inputs[def.op.loop!.carried.length + def.index]!, def.op, v);
    if (def.is === "carried") return this.#carried(v, "now");
    if (def.op.loop) return this.#loopOutput(v, def.op, def.index);

    const region = this.#regionOf.get(def.op);
    if (region) {
      const loop = region.loop!;
      const stack = loop.stacks.indexOf(v);
      if (stack >= 0) return this.#layerOf(region.outputs[loop.carried.length + stack]!, region, v);
      const next = loop.yields.indexOf(v);
      if (next >= 0) return this.#carried(loop.carried[next]!, "next");
    }
    const piece = this.program.pieces.get(v);
    if (piece) return this.#within(piece, v);
    const starts = this.#startOf.get(v);
    if (starts) return { ...this.#slot(starts, 0) };
    return {
      is: "buffer",
      buffer: this.#buffer({ name: v.name ?? def.op.kind, bytes: this.#bytes(v), region, value: v }),
      offset: 0,
      strides: [],
    };
  }

  #within({ of, offset }: Piece, v: Value): Place {
    const place = this.#place(of);
    if (place.is === "external") throw new Error("of what the host hands over there are no pieces");
    return { ...place, offset: place.offset + offset * this.options.elementBytes(v) };
  }

  #layerOf(whole: Value, loop: Op, one: Value): Place {
    const place = this.#place(whole);
    if (place.is === "external") throw new Error("a host pointer has no layers");
    return { ...place, strides: [...place.strides, { loop, bytes: this.#bytes(one), by: "layer" }] };
  }

  #loopOutput(v: Value, op: Op, index: number): Place {
    const loop = op.loop!;
    if (index < loop.carried.length) return this.#slot(loop.carried[index]!, loop.count);
    const kept = loop.stacks[index - loop.carried.length]!;
    if (kept.def.is === "carried" && kept.def.op === op) return this.#slot(kept, 0);
    const region = this.#regionOf.get(op);
    if (region) {
      const stack = region.loop!.stacks.indexOf(v);
      if (stack >= 0) return this.#layerOf(region.outputs[region.loop!.carried.length + stack]!, region, v);
    }
    return {
      is: "buffer",
      buffer: this.#buffer({ name: kept.name ?? "kept", bytes: this.#bytes(v), region, value: v }),
      offset: 0,
      strides: [],
    };
  }

  /** The memory of a carried value: a slot for every round if they are kept, two otherwise. */
  #carryOf(carried: Value): { buffer: Buffer; bytes: number; stacked: boolean } {
    let carry = this.#carry.get(carried);
    if (!carry && carried.def.is === "carried") {
      const { op } = carried.def;
      const loop = op.loop!;
      const stacked = loop.stacks.includes(carried);
      const bytes = this.#bytes(carried);
      const slots = stacked ? loop.count + 1 : 2;
      carry = {
        buffer: this.#buffer({
          name: carried.name ?? "carried",
          bytes: bytes * slots,
          region: this.#regionOf.get(op),
          value: carried,
        }),
        bytes,
        stacked,
      };
      this.#carry.set(carried, carry);
    }
    return carry!;
  }

  #slot(carried: Value, round: number): Place {
    const { buffer, bytes, stacked } = this.#carryOf(carried);
    return { is: "buffer", buffer, offset: (stacked ? round : round % 2) * bytes, strides: [] };
  }

  #carried(carried: Value, when: "now" | "next"): Place {
    const { buffer, bytes, stacked } = this.#carryOf(carried);
    const loop = carried.def.is === "carried" ? carried.def.op : undefined;
    const by = stacked ? (when === "now" ? "round" : "next") : when === "now" ? "parity" : "otherParity";
    return { is: "buffer", buffer, offset: 0, strides: [{ loop: loop!, bytes, by }] };
  }

  #bytes(v: Value): number {
    return size(v.type) * this.options.elementBytes(v);
  }

  #buffer(b: { name: string; bytes: number; region: Op | undefined; value?: Value }): Buffer {
    const bytes = align(b.bytes, this.options.alignment);
    const buffer: Buffer = { ...b, bytes, kind: "activations", offset: 0, from: Number.POSITIVE_INFINITY, to: -1 };
    this.#buffers.push(buffer);
    return buffer;
  }
}

const count = (steps: readonly Step[]): number => steps.reduce((n, s) => n + (s.is === "kernel" ? 1 : count(s.steps) + 2), 0);

/** Largest first, each at the lowest offset where it meets no other that is needed at the same time. Gives the bytes used. */
export function pack(buffers: readonly Buffer[]): number {
  const placed: Buffer[] = [];
  const overlaps = (a: Buffer, b: Buffer): boolean => a.from <= b.to && b.from <= a.to;
  for (const buffer of [...buffers].sort((a, b) => b.bytes - a.bytes || a.from - b.from)) {
    const others = placed.filter((p) => overlaps(p, buffer)).sort((a, b) => a.offset - b.offset);
    let at = 0;
    for (const p of others) {
      if (at + buffer.bytes <= p.offset) break;
      at = Math.max(at, p.offset + p.bytes);
    }
    buffer.offset = at;
    placed.push(buffer);
  }
  return placed.reduce((most, b) => Math.max(most, b.offset + b.bytes), 0);
}
