/** The memory plan as it goes through a step: who writes and reads each buffer, what is in use when, which lines it comes from. */
import type { Emission } from "../compile.js";
import { valueName } from "../emit/names.js";
import type { Value } from "../ir.js";
import type { Buffer, MemoryLayout } from "../passes/memory.js";
import type { BufferFacts, MemoryFacts, ProgramFacts } from "./inspection.js";
import { launchesOf } from "./kernels.js";
import type { NumberedOps } from "./ops.js";

export interface NumberedBuffers {
  /** What the manifest lists, in its order. */
  buffers: BufferFacts[];
  of(v: Value, layout: MemoryLayout): number | undefined;
}

export function numberBuffers({ manifest, residents, layouts }: Emission): NumberedBuffers {
  const all: Buffer[] = [
    ...residents.all.map(({ buffer }) => buffer),
    ...[...layouts.values()].flatMap((layout) => layout.buffers.filter((b) => b.to >= 0)),
  ];
  const numbers = new Map(all.map((buffer, i) => [buffer, i]));
  const nameOf = (i: number, name: string): string => (all[i]?.value ? valueName(all[i].value) : name);
  return {
    buffers: manifest.memory.buffers.map((buffer, i) => ({ ...buffer, name: nameOf(i, buffer.name), writers: [], readers: [] })),
    of(v, layout) {
      const place = layout.place(v);
      return place.is === "buffer" ? numbers.get(place.buffer) : undefined;
    },
  };
}

/** Enters into each buffer who writes and reads it. */
export function enterUsers(emitted: Emission, numbered: NumberedBuffers): void {
  for (const layout of emitted.layouts.values()) {
    for (const moment of layout.moments) {
      if (moment.is !== "kernel") continue;
      const { kernel } = moment;
      const enter = (values: readonly Value[], who: "writers" | "readers"): void => {
        for (const v of values) {
          const list = numbered.buffers[numbered.of(v, layout) ?? -1]?.[who];
          if (list && !list.includes(kernel.name)) list.push(kernel.name);
        }
      };
      enter(kernel.inputs, "readers");
      enter(kernel.outputs, "writers");
    }
  }
}

export function programFacts({ made, layouts }: Emission, ops: NumberedOps): ProgramFacts[] {
  return made.map(({ name, kernels }) => ({
    name,
    launches: launchesOf(kernels.steps),
    moments: layouts.get(name)!.moments.map((moment) =>
      moment.is === "kernel"
        ? { at: moment.at, to: moment.at, kernel: moment.kernel.name, ops: moment.kernel.ops.map((op) => ops.of(op).id) }
        : {
            at: moment.at,
            to: moment.to,
            loop: moment.op.loop!.label,
            rounds: moment.op.loop!.count,
            ...(moment.op.loop!.reverse ? { backwards: true as const } : {}),
          },
    ),
  }));
}

export function memoryFacts({ manifest }: Emission, buffers: BufferFacts[], programs: readonly ProgramFacts[]): MemoryFacts {
  const { kinds, total, scratchPerThread } = manifest.memory;
  const passing = buffers.filter(({ program }) => program !== undefined);
  const used = programs.map(({ name, moments }) => {
    const last = Math.max(0, ...moments.map(({ to }) => to));
    const own = passing.filter(({ program }) => program === name);
    return { program: name, bytes: Array.from({ length: last + 1 }, (_, at) => sum(own.filter((b) => b.from! <= at && at <= b.to!))) };
  });
  return {
    kinds,
    total,
    scratchPerThread,
    shared: { offset: Math.min(total, ...passing.map(({ offset }) => offset)), bytes: kinds.activations },
    buffers,
    lines: byLine(passing, used),
    used,
  };
}

const sum = (buffers: readonly BufferFacts[]): number => buffers.reduce((n, { bytes }) => n + bytes, 0);

/** The fullest moment of the hungriest program, by line. */
function byLine(passing: readonly BufferFacts[], used: MemoryFacts["used"]): MemoryFacts["lines"] {
  const moments = used.flatMap(({ program, bytes }) => bytes.map((n, at) => ({ program, at, n })));
  const fullest = moments.reduce((most, moment) => (moment.n > most.n ? moment : most), { program: "", at: 0, n: -1 });
  const lines = new Map<string, { bytes: number; buffers: number }>();
  for (const { program, from, to, bytes, origin } of passing) {
    if (program !== fullest.program || fullest.at < from! || fullest.at > to!) continue;
    const known = lines.get(origin ?? "") ?? { bytes: 0, buffers: 0 };
    lines.set(origin ?? "", { bytes: known.bytes + bytes, buffers: known.buffers + 1 });
  }
  return [...lines].map(([place, of]) => ({ place, ...of })).sort((a, b) => b.bytes - a.bytes);
}
