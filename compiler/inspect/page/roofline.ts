/** Every kernel under the two ceilings of the machine. */
import { figure, figures, type Markup, markup, quantity, scatter, table } from "../../picture/index.js";
import { figure as number } from "../figures.js";
import type { Inspection, KernelFacts } from "../inspection.js";
import { bytes, families, familyOf, kernelAnchor, kernelLinks, ms } from "./view.js";

export function rooflineSection({ kernels, ceilings, measured, target }: Inspection): Markup {
  if (ceilings === undefined)
    return markup`<p class="card">No ceilings of this ${target === "cpu" ? "processor" : "GPU"} are stored, so that nothing can be said about times. The costs above hold on every machine.</p>`;
  const timed = kernels.filter(({ launches, flops, predicted }) => launches > 0 && flops > 0 && predicted !== undefined);
  const rate = (kernel: KernelFacts): number => (1000 * kernel.flops * kernel.launches) / (kernel.measured ?? kernel.predicted!);
  // What moves a few numbers has no place among the others: the axis would be for it alone.
  const shown = timed.filter((kernel) => rate(kernel) > ceilings.flopsPerSecond / 1e4);
  const rank = (kernel: KernelFacts): number => families.indexOf(familyOf(kernel));
  const dots = [...shown]
    .sort((a, b) => rank(a) - rank(b))
    .map((kernel) => {
      const { name, flops, bytesRead, bytesWritten, launches } = kernel;
      const time = kernel.measured ?? kernel.predicted!;
      const share = kernel.measured ? ` at ${number((100 * kernel.predicted!) / kernel.measured)} % of the ceiling` : "";
      return {
        name,
        x: flops / (bytesRead + bytesWritten),
        y: rate(kernel),
        group: familyOf(kernel),
        weight: time,
        about: [`${ms(time)} in ${launches} ${launches === 1 ? "launch" : "launches"}${share}`],
        href: `#${kernelAnchor(name)}`,
      };
    });
  const picture = scatter({
    title: "Kernels under the roofline",
    width: 1120,
    height: 470,
    x: { log: true, label: "FLOP for each byte read or written", to: 1.6 * Math.max(...dots.map(({ x }) => x), 1) },
    y: { log: true, unit: "FLOP/s", to: 2 * ceilings.flopsPerSecond },
    dots,
    ceilings: [
      {
        slope: ceilings.bytesPerSecond,
        slopeName: quantity(ceilings.bytesPerSecond, "B/s"),
        level: ceilings.flopsPerSecond,
        levelName: `${quantity(ceilings.flopsPerSecond, "FLOP/s")}, ${ceilings.machine}`,
      },
    ],
    names: 16,
  });
  const note = measured
    ? `measured on ${measured.machine}; an area is a kernel's time in a micro-step`
    : "predicted: each at its ceiling, until its times are measured";
  const left = timed.length - shown.length;
  const more = left > 0 ? `; ${left} with hardly any arithmetic ${left === 1 ? "is" : "are"} not shown` : "";
  return figures([figure({ title: "Arithmetic against traffic", note: `${note}${more}`, picture, wide: true, numbers: numbers(timed) })]);
}

const numbers = (kernels: readonly KernelFacts[]): Markup =>
  table({
    title: "Kernels under the roofline, in numbers",
    columns: [
      { name: "kernel" },
      { name: "FLOP", number: true },
      { name: "bytes", number: true },
      { name: "predicted", number: true },
      { name: "measured", number: true },
    ],
    rows: kernels.map(({ name, flops, bytesRead, bytesWritten, predicted, measured }) => [
      kernelLinks([name]),
      quantity(flops, "FLOP"),
      bytes(bytesRead + bytesWritten),
      ms(predicted),
      ms(measured),
    ]),
  });
