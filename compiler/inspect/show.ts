/** An inspection on a terminal: a row a kernel, then memory. */
import { columns } from "../columns.js";
import { binary, meanings } from "../memory.js";
import { quantity } from "../picture/index.js";
import { plain } from "../plain.js";
import { cut, figure, none, sharedMemory } from "./figures.js";
import { type Inspection, type KernelFacts, mainProgram, type Operand, stepName } from "./inspection.js";

const head = [
  "kernel",
  "lines",
  "×",
  "MB",
  "GFLOP",
  "bound by",
  "predicted",
  "measured",
  "of peak",
  "regs",
  "shared",
  "spills",
  "writes",
  "made of",
];
const right = [2, 3, 4, 6, 7, 8, 9, 10, 11];

/** `width`: the terminal's columns, where it is one. */
export function showInspection(inspection: Inspection, width?: number): string {
  const table = columns([head, ...inspection.kernels.map(row)], right).map((line) => cut(line, width));
  return [...about(inspection), "", ...table, ...summary(inspection), "", ...memoryLines(inspection), "", ...topLines(inspection, 8)].join(
    "\n",
  );
}

/** What was compiled, and where the times come from. */
export function about({ model, target, dtype, parameters, kernels, programs, ceilings, measured, fuse }: Inspection): string[] {
  const launches = programs.find(({ name }) => name === mainProgram(programs))?.launches ?? 0;
  const choices = Object.entries(fuse).map(([name, value]) => `${name}=${value}`);
  return [
    plain(
      `${model}  ${target}, ${dtype}, ${figure(parameters)} parameters; ${kernels.length} kernels, ${figure(launches)} launches a ${stepName(programs)}`,
    ),
    `choices    ${choices.join(" ")}`,
    ceilings
      ? `predicted  by ${quantity(ceilings.flopsPerSecond, "FLOP/s")} and ${quantity(ceilings.bytesPerSecond, "B/s")}, the ceilings of ${plain(ceilings.machine)}`
      : "predicted  – (no ceilings of this processor are stored: `mlac bench` measures them)",
    measured
      ? plain(
          `measured   on ${measured.machine}${measured.date ? `, ${measured.date}` : ""}${measured.sameChoices ? "" : ", with other choices than these"}`,
        )
      : "measured   – (no measurement of this model is stored: `mlac bench` makes one, --measured names another)",
  ];
}

function row(kernel: KernelFacts): string[] {
  const { name, launches, bytesRead, bytesWritten, flops, bound, predicted, measured, resources, kinds, lines, outputs } = kernel;
  return [
    name,
    firstLine(lines),
    launches > 0 ? String(launches) : none,
    figure((bytesRead + bytesWritten) / 1e6, 1),
    figure(flops / 1e9, 2),
    bound ?? none,
    milliseconds(predicted),
    milliseconds(measured),
    predicted !== undefined && measured ? `${figure((100 * predicted) / measured)} %` : none,
    resources ? String(resources.registers) : none,
    resources ? sharedMemory(resources) : none,
    resources ? binary(resources.spillBytes) : none,
    outputs.map(operandText).join(", "),
    [...new Set(kinds)].join(" "),
  ];
}

/** "model.ts:24 +1" of two: the page and --json have them all, here what stands behind them should be seen. */
function firstLine([first, ...more]: KernelFacts["lines"]): string {
  if (first === undefined) return none;
  return `${first.file}:${first.line}${more.length > 0 ? ` +${more.length}` : ""}`;
}

export const operandText = ({ name, dims }: Operand): string => `${name} [${dims}]`;
export const milliseconds = (ms: number | undefined): string => (ms === undefined ? none : `${figure(ms, ms < 10 ? 3 : 1)} ms`);

/** The totals of a micro-step of training. */
function summary({ kernels, measured, programs }: Inspection): string[] {
  const train = kernels.filter(({ launches }) => launches > 0);
  const total = (of: (kernel: KernelFacts) => number | undefined): number => train.reduce((n, kernel) => n + (of(kernel) ?? 0), 0);
  const known = (of: "predicted" | "measured"): string =>
    train.some((kernel) => kernel[of] !== undefined) ? milliseconds(total((k) => k[of])) : none;
  const launches = programs.find(({ name }) => name === mainProgram(programs))?.launches ?? 0;
  return [
    "",
    `a ${stepName(programs)}${mainProgram(programs) === "train" ? " of training" : ""}: ${figure(launches)} launches, ${figure(total((k) => k.flops * k.launches) / 1e12, 2)} TFLOP, ${figure(total((k) => (k.bytesRead + k.bytesWritten) * k.launches) / 1e9, 1)} GB; predicted ${known("predicted")}, kernels measured one by one ${known("measured")}`,
    ...(measured?.microStep === undefined
      ? []
      : [
          `the whole ${stepName(programs)} ${milliseconds(measured.microStep)}${measured.update === undefined ? "" : `, the update ${milliseconds(measured.update)}`}`,
        ]),
  ];
}

/** Bytes by kind. */
export function memoryLines({ memory: { kinds, total, scratchPerThread } }: Inspection): string[] {
  const width = figure(total).length;
  const line = (name: string, bytes: number, what: string): string =>
    `${name.padEnd(11)}  ${figure(bytes).padStart(width)}  ${binary(bytes).padStart(8)}  ${what}`.trimEnd();
  return [
    ...Object.entries(kinds).map(([kind, bytes]) => line(kind, bytes, meanings[kind as keyof typeof kinds])),
    line("total", total, scratchPerThread > 0 ? `and ${binary(scratchPerThread)} of scratch for each thread` : ""),
  ];
}

/** What fills the shared part at its fullest moment, by line; the first `most`. */
export function topLines({ memory: { lines } }: Inspection, most = lines.length): string[] {
  const shown = lines
    .slice(0, most)
    .map(({ place, bytes, buffers }) => [
      binary(bytes),
      `${buffers} ${buffers === 1 ? "buffer" : "buffers"}`,
      place || "the compiler's own",
    ]);
  const rest = lines.length - shown.length;
  return [
    ...columns([["bytes", "in", "activations at their fullest moment, by line"], ...shown], [0]),
    ...(rest > 0 ? [`… ${rest} more: mlac inspect memory`] : []),
  ];
}
