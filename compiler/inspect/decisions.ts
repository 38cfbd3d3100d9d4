/** What the fuse pass decided, as sentences and bytes. */
import type { Emission } from "../compile.js";
import { valueName } from "../emit/names.js";
import { names, size } from "../ir.js";
import { bonds, type Decision, reasons } from "../passes/decisions.js";
import type { DecisionFacts, OpFacts } from "./inspection.js";
import type { NumberedOps } from "./ops.js";

export function decisionFacts({ made, backend }: Emission, ops: NumberedOps): DecisionFacts[] {
  return made.flatMap(({ kernels }) =>
    kernels.decisions.map((decision): DecisionFacts => {
      const [first, second] = [ops.of(decision.first), ops.of(decision.second)];
      const { times } = first;
      const saved = [...decision.saved].map(([v, n]) => ({
        name: valueName(v),
        dims: names(v.type),
        times: n,
        bytes: n * times * size(v.type) * backend.elementBytes(v),
      }));
      return {
        first: first.id,
        second: second.id,
        joined: decision.verdict.is === "joined",
        reason: decision.verdict.is === "joined" ? decision.verdict.how : decision.verdict.why,
        sentence: sentence(decision, first, second),
        savedBytes: saved.reduce((n, { bytes }) => n + bytes, 0),
        saved,
      };
    }),
  );
}

function sentence({ verdict, about }: Decision, first: OpFacts, second: OpFacts): string {
  const say = verdict.is === "joined" ? bonds[verdict.how] : reasons[verdict.why];
  return say({ first: first.name, second: second.name, about });
}
