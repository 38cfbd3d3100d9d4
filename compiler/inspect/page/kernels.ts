/** The kernels as a list, and each of them with its lines, costs, buffers, reasons and source. */
import { facts, type Markup, markup, type Piece, quantity, table } from "../../picture/index.js";
import { figure, sharedMemory } from "../figures.js";
import { highlight } from "../highlight.js";
import type { DecisionFacts, Inspection, KernelFacts, Operand } from "../inspection.js";
import { bar, bytes, colourOf, familyOf, kernelAnchor, kernelLinks, ms, weights } from "./view.js";

export function kernelsPane(inspection: Inspection): Markup {
  const weight = weights(inspection);
  const most = Math.max(...weight.values(), Number.MIN_VALUE);
  const rows = inspection.kernels.map((kernel, i) => {
    const { name, launches, bound, predicted, measured } = kernel;
    const peak = predicted !== undefined && measured ? `${figure((100 * predicted) / measured)} %` : "–";
    const time = launches > 0 ? ms(measured ?? predicted) : "–";
    return markup`<tr data-k="${name}" data-order="${i}" data-weight="${weight.get(name) ?? 0}"><th scope="row"><a class="code" href="#${kernelAnchor(name)}" data-k="${name}">${name}</a></th><td class="number">${launches || "–"}</td><td>${bar((weight.get(name) ?? 0) / most, colourOf(kernel))}</td><td class="number">${time}</td><td>${bound ?? "–"}</td><td class="number">${peak}</td></tr>`;
  });
  const time = inspection.measured ? "measured" : "predicted";
  return markup`<div class="pane" id="kernels"><div class="tools"><label>Find <input type="search" id="find" placeholder="a kernel" autocomplete="off" spellcheck="false"></label><fieldset><legend class="skip">Order</legend><label><input type="radio" name="order" value="weight" checked> by time</label><label><input type="radio" name="order" value="order"> as they run</label></fieldset></div><div class="scroller"><table class="kernels"><thead><tr><th scope="col">kernel</th><th scope="col" class="number" title="launches a micro-step">×</th><th scope="col"></th><th scope="col" class="number">${time}</th><th scope="col">bound by</th><th scope="col" class="number">of peak</th></tr></thead><tbody>${rows}</tbody></table></div></div>`;
}

/** One of them is shown at a time; without a script, the one that the address names. */
export function kernelArticles(inspection: Inspection): Markup {
  return markup`<div id="details"><p class="hint">Choose a line or a kernel.</p>${inspection.kernels.map((kernel) => article(kernel, inspection))}</div>`;
}

function article(kernel: KernelFacts, inspection: Inspection): Markup {
  const { name, file, text } = kernel;
  const source = highlight(text.trimEnd()).map(({ kind, text: part }) =>
    kind === "plain" ? part : markup`<i class="${kind}">${part}</i>`,
  );
  return markup`<article class="kernel" id="${kernelAnchor(name)}" data-kernel="${name}" tabindex="-1" aria-label="${name}"><h3><span class="chip c${colourOf(kernel)}"></span><span class="code">${name}</span> <small>${familyOf(kernel)}, in ${kernel.programs.join(", ")}</small></h3><div class="split"><div>${costs(kernel)}${lines(kernel)}${operands(kernel, inspection)}${decisions(kernel, inspection)}</div><div><h4>${file}</h4><pre class="scroll" tabindex="0"><code>${source}</code></pre></div></div></article>`;
}

function costs({ launches, flops, bytesRead, bytesWritten, predicted, measured, bound, resources }: KernelFacts): Markup {
  const moved = bytesRead + bytesWritten;
  const of = predicted !== undefined && measured ? ` (${figure((100 * predicted) / measured)} % of peak)` : "";
  return facts([
    ["launches a micro-step", launches || "none in training"],
    ["arithmetic of one", quantity(flops, "FLOP")],
    ["read and written by one", `${bytes(bytesRead)} + ${bytes(bytesWritten)}`],
    ["FLOP a byte", moved > 0 ? figure(flops / moved, flops / moved < 10 ? 2 : 0) : "–"],
    ["at the least, in a micro-step", `${ms(predicted)}${bound ? `, by ${bound}` : ""}`],
    ["measured, in a micro-step", `${ms(measured)}${of}`],
    ["registers of a thread", resources ? resources.registers : "–"],
    ["shared memory, spills", resources ? `${sharedMemory(resources)}, ${bytes(resources.spillBytes)}` : "–"],
  ]);
}

const lines = ({ lines, kinds }: KernelFacts): Markup =>
  markup`<h4>Lines</h4><ul class="lines">${lines.map(({ file, line, text }) => markup`<li><a class="code" href="#" data-goto="${file}:${line}">${file}:${line}</a> <code>${text}</code></li>`)}</ul><p class="kinds">made of ${[...new Set(kinds)].map((kind) => markup`<span class="code">${kind}</span> `)}</p>`;

function operands({ name, inputs, outputs }: KernelFacts, { memory }: Inspection): Markup {
  const row = (operand: Operand, way: string): Piece[] => {
    const buffer = operand.buffer === undefined ? undefined : memory.buffers[operand.buffer];
    const others = (way === "reads" ? buffer?.writers : buffer?.readers)?.filter((other) => other !== name) ?? [];
    return [
      way,
      markup`<span class="code">${operand.name}</span>`,
      markup`<span title="${operand.shape.join(" × ")}">[${operand.dims}] ${operand.dtype}</span>`,
      bytes(operand.bytes),
      others.length > 0
        ? kernelLinks(others)
        : buffer?.kind === "weights"
          ? "a parameter"
          : buffer?.kind === "gradients"
            ? "a gradient"
            : "",
    ];
  };
  return markup`<h4>Buffers</h4>${table({
    title: `Buffers of ${name}`,
    columns: [{ name: "" }, { name: "buffer" }, { name: "shape" }, { name: "bytes", number: true }, { name: "written, or read, by" }],
    rows: [...inputs.map((o) => row(o, "reads")), ...outputs.map((o) => row(o, "writes"))],
  })}`;
}

function decisions(kernel: KernelFacts, { decisions, ops }: Inspection): Markup {
  const own = new Set(kernel.ops);
  const sentences = (all: readonly DecisionFacts[], word: string): Markup =>
    markup`<ul class="sentences">${unique(all).map(({ sentence, savedBytes }) => markup`<li>${sentence}${savedBytes > 0 && markup` <small>${word} ${bytes(savedBytes)}</small>`}</li>`)}</ul>`;
  const joined = decisions.filter(
    ({ joined, first, second }) => joined && own.has(first) && own.has(second) && ops[first - 1]!.kernels.includes(kernel.name),
  );
  const apart = decisions.filter(
    ({ joined, first, second, savedBytes }) => !joined && savedBytes > 0 && own.has(first) !== own.has(second),
  );
  return markup`${joined.length > 0 && markup`<h4>One kernel, because</h4>${sentences(joined, "saves")}`}${apart.length > 0 && markup`<h4>Not one with its neighbours, because</h4>${sentences(apart.sort((a, b) => b.savedBytes - a.savedBytes).slice(0, 8), "would save")}`}`;
}

const unique = (all: readonly DecisionFacts[]): DecisionFacts[] => [
  ...new Map(all.map((decision) => [decision.sentence, decision])).values(),
];
