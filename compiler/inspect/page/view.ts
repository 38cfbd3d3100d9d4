/** What the parts of the page share: how kernels are grouped, weighed, linked and coloured. */
import { join, type Markup, markup, quantity } from "../../picture/index.js";
import type { Inspection, KernelFacts } from "../inspection.js";

export const families = ["products", "rows", "attention", "vocabulary", "routing"] as const;
export type Family = (typeof families)[number];

/** The number of a family is that of its colour. */
export function familyOf({ form, kinds }: KernelFacts): Family {
  if (form === "contraction") return "products";
  if (form === "rowwise") return "rows";
  const [kind = ""] = kinds;
  if (kind.startsWith("attention")) return "attention";
  return /^(lookup|linearCrossEntropy|nextLogits)/.test(kind) ? "vocabulary" : "routing";
}

export const colourOf = (kernel: KernelFacts): number => families.indexOf(familyOf(kernel));

/** Where a click on a kernel leads. Names of kernels are letters, digits and _. */
export const kernelAnchor = (name: string): string => `kernel-${name}`;

/** Milliseconds in a micro-step, measured or else predicted. */
export const timeOf = ({ measured, predicted, launches }: KernelFacts): number => (launches > 0 ? (measured ?? predicted ?? 0) : 0);

/** What bars compare: times, or arithmetic and traffic where no time is known. */
export function weights({ kernels }: Inspection): Map<string, number> {
  const timed = kernels.some((kernel) => timeOf(kernel) > 0);
  const work = (kernel: KernelFacts): number => (kernel.flops / 100 + kernel.bytesRead + kernel.bytesWritten) * kernel.launches;
  return new Map(kernels.map((kernel) => [kernel.name, timed ? timeOf(kernel) : work(kernel)]));
}

export const bytes = (n: number): string => quantity(n, "B");
export const ms = (x: number | undefined): string => (x === undefined ? "–" : quantity(x / 1000, "s"));

/** Links to kernels, which light up with them. */
export const kernelLinks = (names: readonly string[]): Markup =>
  join(
    names.map((name) => markup`<a class="code" href="#${kernelAnchor(name)}" data-k="${name}">${name}</a>`),
    " ",
  );

/** A bar of a share of 1. */
export const bar = (share: number, colour: number, width = 40): Markup =>
  markup`<svg class="bar c${colour}" viewBox="0 0 ${width} 8" width="${width}" height="8" aria-hidden="true"><rect width="${width}" height="8"/><rect width="${Math.round(width * 10 * Math.min(1, share)) / 10}" height="8"/></svg>`;
