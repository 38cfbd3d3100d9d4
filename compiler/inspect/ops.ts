/** The ops of a model's programs as plain data: numbered, named, with the kernels that compute them. */
import { valueName } from "../emit/names.js";
import { names, type Op, type Value } from "../ir.js";
import { type Kernel, kernelsOf } from "../kernel.js";
import { spec } from "../ops/index.js";
import { parameterPath } from "../passes/rewrite.js";
import type { Program } from "../programs.js";
import type { OpFacts } from "./inspection.js";

export interface NumberedOps {
  facts: OpFacts[];
  of(op: Op): OpFacts;
}

export function numberOps(programs: readonly Program[]): NumberedOps {
  const facts: OpFacts[] = [];
  const byOp = new Map<Op, OpFacts>();
  for (const { name, kernels } of programs) {
    const computed = new Map<Op, Kernel[]>();
    for (const kernel of kernelsOf(kernels.steps)) for (const op of kernel.ops) computed.set(op, [...(computed.get(op) ?? []), kernel]);
    const visit = (body: readonly Op[], loops: readonly Op[]): void => {
      for (const op of body) {
        const fact = factsOf(op, { id: facts.length + 1, program: name, loops, of: (other) => byOp.get(other) });
        fact.kernels = [...new Set((computed.get(op) ?? []).map((kernel) => kernel.name))];
        facts.push(fact);
        byOp.set(op, fact);
        if (op.loop) visit(op.loop.body, [...loops, op]);
      }
    };
    visit(kernels.graph.body, []);
  }
  return {
    facts,
    of(op) {
      const found = byOp.get(op);
      if (!found) throw new Error(`${op.kind} is in no program`);
      return found;
    },
  };
}

interface Where {
  id: number;
  program: string;
  loops: readonly Op[];
  of(op: Op): OpFacts | undefined;
}

function factsOf(op: Op, { id, program, loops, of }: Where): OpFacts {
  const reads = op.inputs.flatMap((v) => (v.def.is === "op" ? (of(v.def.op)?.id ?? []) : []));
  return {
    id,
    program,
    kind: op.kind,
    name: op.loop ? op.loop.label : valueName(op.outputs[0]!),
    parameters: op.inputs.flatMap((v) => parameterPath(v) ?? []),
    dims: op.outputs[0] ? names(op.outputs[0].type) : "",
    places: places(op),
    loops: loops.map((loop) => loop.loop!.label),
    times: loops.reduce((n, loop) => n * loop.loop!.count, 1),
    flops: op.loop ? 0 : spec(op.kind).flops(op),
    reads: [...new Set(reads)],
    elsewhere: op.inputs.flatMap((v) => (v.def.is === "op" ? [] : [outside(v)])),
    kernels: [],
  };
}

const outside = (v: Value): string => parameterPath(v) ?? valueName(v);

/** Of all the calls that made it, the innermost place first; each place once. */
function places(op: Op): OpFacts["places"] {
  const found = new Map<string, OpFacts["places"][number]>();
  for (const stack of op.origins)
    for (const { file, line, column } of stack) found.set(`${file}:${line}:${column}`, { file, line, column });
  return [...found.values()];
}
