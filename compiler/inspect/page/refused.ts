/** What was not fused, with the reason, what one kernel would save first. */

import { reasons } from "../../passes/decisions.js";
import { type Markup, markup } from "../../picture/index.js";
import { type DecisionFacts, type Inspection, mainProgram, type OpFacts } from "../inspection.js";
import { bytes, kernelLinks } from "./view.js";

export function refusedSection({ decisions, ops, programs }: Inspection): Markup {
  const inTraining = ({ first }: DecisionFacts): boolean => ops[first - 1]!.program === mainProgram(programs);
  const first = new Map<string, DecisionFacts>();
  for (const decision of decisions) {
    const key = `${decision.first} ${decision.second}`;
    if (!decision.joined && inTraining(decision) && decision.savedBytes > 0 && !first.has(key)) first.set(key, decision);
  }
  const shown = [...first.values()].sort((a, b) => b.savedBytes - a.savedBytes);
  const counts = new Map<string, number>();
  for (const { reason } of shown) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const options = Object.keys(reasons).flatMap((reason) =>
    counts.has(reason) ? [markup`<option value="${reason}">${reason} (${counts.get(reason)})</option>`] : [],
  );
  const rows = shown.map((decision) => {
    const [a, b] = [ops[decision.first - 1]!, ops[decision.second - 1]!];
    return markup`<tr data-reason="${decision.reason}" data-k="${[...a.kernels, ...b.kernels].join(" ")}"><td class="number">${bytes(decision.savedBytes)}</td><td>${decision.sentence}<br><small>${decision.reason}</small></td><td>${op(a)}</td><td>${op(b)}</td></tr>`;
  });
  return markup`<div class="tools card"><label>Reason <select id="reason"><option value="">all (${shown.length})</option>${options}</select></label></div><div class="card scroll" role="region" tabindex="0" aria-label="Not fused"><table id="refused"><thead><tr><th scope="col" class="number">would save</th><th scope="col">why not</th><th scope="col">the one op</th><th scope="col">the other</th></tr></thead><tbody>${rows}</tbody></table></div>`;
}

function op({ name, places: [place], kernels }: OpFacts): Markup {
  return markup`<span class="code">${name}</span> ${place && markup`<a class="code" href="#" data-goto="${place.file}:${place.line}">${place.file}:${place.line}</a>`}<br>${kernelLinks(kernels)}`;
}
