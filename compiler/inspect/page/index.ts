/** An inspection as a page: one HTML file that opens from the disk and asks for nothing else. */
import { readFileSync } from "node:fs";
import { headlines, type Markup, markup, page, quantity } from "../../picture/index.js";
import { figure } from "../figures.js";
import { type Inspection, mainProgram, stepName } from "../inspection.js";
import { fusionGraph } from "./graph.js";
import { kernelArticles, kernelsPane } from "./kernels.js";
import { memorySection } from "./memory.js";
import { refusedSection } from "./refused.js";
import { rooflineSection } from "./roofline.js";
import { sourcesPane } from "./sources.js";
import { css } from "./style.js";
import { bytes, ms, timeOf } from "./view.js";

export function inspectionPage(inspection: Inspection): string {
  const { model, fuse, set, target } = inspection;
  const choices = [...Object.entries(fuse), ...Object.entries(set)].map(([name, value]) => `${name}=${value}`).join("  ");
  return page({
    title: `${model}, compiled for ${target === "cuda" ? "CUDA" : "the CPU"}`,
    subtitle: markup`${described(inspection)}<br><span class="code">${choices}</span>`,
    summary: summary(inspection),
    css,
    script: script(),
    sections: [
      {
        title: "Lines and kernels",
        lead: `Choose a line to see its kernels, or a kernel to see its lines, costs, buffers and source. Bars are ${timed(inspection) ? "time" : "work, as no time is known"}.`,
        body: markup`<div class="explorer">${sourcesPane(inspection)}${kernelsPane(inspection)}</div>${kernelArticles(inspection)}`,
      },
      {
        title: "Before and after fusion",
        lead: "At the left the ops of a micro-step, at the right the kernels that they became. An arc is a value that an op hands to another; a dotted one never lies in memory.",
        body: fusionGraph(inspection),
      },
      { title: "Roofline", body: rooflineSection(inspection) },
      { title: "Memory over a step", id: "memory", body: memorySection(inspection) },
      {
        title: "Not fused",
        lead: "For each pair of ops that could have been one kernel: what that would save in a micro-step, and the first reason why they are not.",
        body: refusedSection(inspection),
      },
    ],
  });
}

const timed = ({ kernels }: Inspection): boolean => kernels.some((kernel) => timeOf(kernel) > 0);

function described({ mlac, dtype, parameters, tokens, sizes, measured }: Inspection): string {
  const named = Object.entries(sizes).map(([name, size]) => `${name} ${size}`);
  const when = measured
    ? `; measured on ${measured.machine}${measured.date ? `, ${measured.date}` : ""}${measured.sameChoices ? "" : ", with other choices"}`
    : "";
  return `${figure(parameters)} parameters in ${dtype}; ${figure(tokens.batch * tokens.length)} tokens a micro-step (${named.join(", ")})${when}; mlac ${mlac}`;
}

function summary({ kernels, programs, memory, measured, ceilings }: Inspection): Markup {
  const train = kernels.filter(({ launches }) => launches > 0);
  const sum = (of: (kernel: (typeof train)[number]) => number): number => train.reduce((n, kernel) => n + of(kernel), 0);
  const launches = programs.find(({ name }) => name === mainProgram(programs))?.launches ?? 0;
  const predicted = sum((kernel) => kernel.predicted ?? 0);
  const one = sum((kernel) => kernel.measured ?? 0);
  const ceiling = `${ms(predicted)} at the ceilings`;
  const times = measured?.microStep
    ? [{ name: `a ${stepName(programs)}`, value: ms(measured.microStep), about: ceiling }]
    : one > 0
      ? [{ name: `a ${stepName(programs)}, kernel by kernel`, value: ms(one), about: predicted > 0 && ceiling }]
      : ceilings
        ? [{ name: `a ${stepName(programs)}, at the least`, value: ms(predicted), about: `by the ceilings of ${ceilings.machine}` }]
        : [];
  return headlines([
    ...times,
    { name: "kernels in training", value: figure(train.length), about: `${figure(launches)} launches a micro-step` },
    {
      name: "arithmetic",
      value: quantity(
        sum((k) => k.flops * k.launches),
        "FLOP",
      ),
      about: `a ${stepName(programs)}`,
    },
    { name: "traffic", value: bytes(sum((k) => (k.bytesRead + k.bytesWritten) * k.launches)), about: "read and written" },
    { name: "memory", value: bytes(memory.total), about: `${bytes(memory.kinds.activations)} activations` },
  ]);
}

/** client.ts as it was compiled; a module's mark would not do in a script. */
const script = (): string =>
  readFileSync(new URL("./client.js", import.meta.url), "utf8").replace(/^(export \{\};|\/\/# sourceMappingURL=.*)$/gm, "");
