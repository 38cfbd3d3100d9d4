/** Why two ops are one kernel or not, in a sentence from a closed list, with the traffic that the other way would cost or save. */
import { bonds, type Reason, reasons } from "../passes/decisions.js";
import { findOps } from "./find.js";
import type { DecisionFacts, Inspection, OpFacts } from "./inspection.js";

export interface Answer {
  a: OpFacts;
  b: OpFacts;
  joined: boolean;
  /** The kernel of both, where they are one. */
  kernel?: string;
  reason: DecisionFacts["reason"];
  sentences: string[];
  /** Bytes in a run of the program that being one kernel saves, or would save; nothing where that makes no sense. */
  savedBytes?: number;
  saved: DecisionFacts["saved"];
}

/** An answer for each pair of ops that the two texts may mean, those that have to do with each other first. Errors: use/op. */
export function why(a: string, b: string, inspection: Inspection): Answer[] {
  const [left, right] = [findOps(a, inspection), findOps(b, inspection)];
  const index = new Decisions(inspection);
  const seen = new Set<string>();
  const pairs = left.flatMap((x) =>
    right.flatMap((y) => {
      const key = [x.id, y.id].sort((m, n) => m - n).join();
      if (x === y || seen.has(key)) return [];
      seen.add(key);
      return [{ x, y, near: index.nearness(x, y) }];
    }),
  );
  const nearestOnes = Math.min(...pairs.map(({ near }) => near));
  const last = ({ x, y }: { x: OpFacts; y: OpFacts }): number => Math.max(x.id, y.id);
  return pairs
    .filter(({ near }) => near === nearestOnes)
    .sort((p, q) => last(p) - last(q))
    .map(({ x, y }) => index.answer(x, y));
}

class Decisions {
  readonly #of = new Map<string, DecisionFacts>();
  readonly #byId: Map<number, OpFacts>;

  constructor(readonly inspection: Inspection) {
    this.#byId = new Map(inspection.ops.map((op) => [op.id, op]));
    // The first reason counts, and that they are one counts more.
    for (const decision of inspection.decisions) {
      const key = `${decision.first} ${decision.second}`;
      const known = this.#of.get(key);
      if (!known || (decision.joined && !known.joined)) this.#of.set(key, decision);
    }
  }

  /** 0: the pass looked at the two. 1: they are in one kernel, or their kernels met. 2: the same program. 3: not even that. */
  nearness(a: OpFacts, b: OpFacts): number {
    if (this.#decision(a, b)) return 0;
    if (this.#shared(a, b) || this.#met(a, b)) return 1;
    return a.program === b.program ? 2 : 3;
  }

  answer(a: OpFacts, b: OpFacts): Answer {
    const direct = this.#decision(a, b);
    const kernel = this.#shared(a, b) ?? (direct?.reason === "piece" ? [...a.kernels, ...b.kernels][0] : undefined);
    if (kernel !== undefined) {
      const chain = direct?.joined ? [direct] : this.#chain(a, b);
      const saved = chain.flatMap((decision) => decision.saved);
      return {
        ...{ a, b, joined: true, kernel, saved, savedBytes: sum(chain) },
        reason: chain[0]?.reason ?? "rows",
        sentences: chain.length > 0 ? chain.map(({ sentence }) => sentence) : [bonds.rows(this.#named(a, b))],
      };
    }
    const refused = direct ?? this.#met(a, b);
    if (refused)
      return {
        ...{ a, b, joined: false, saved: refused.saved, savedBytes: refused.savedBytes },
        reason: refused.reason,
        sentences: [refused.sentence],
      };
    const reason = structural(a, b);
    return { a, b, joined: false, reason, sentences: [reasons[reason](this.#named(a, b))], saved: [] };
  }

  #named(a: OpFacts, b: OpFacts): { first: string; second: string; about: string } {
    const [first, second] = a.id < b.id ? [a, b] : [b, a];
    const own = [first, second].find((op) => this.#isOwn(op));
    return { first: first.name, second: second.name, about: own?.kind ?? "" };
  }

  #isOwn(op: OpFacts): boolean {
    return this.inspection.kernels.some(({ name, form }) => form === "own" && op.kernels.includes(name));
  }

  #decision(a: OpFacts, b: OpFacts): DecisionFacts | undefined {
    const [first, second] = a.id < b.id ? [a, b] : [b, a];
    return this.#of.get(`${first.id} ${second.id}`);
  }

  /** A kernel that computes both, in one program and one loop. */
  #shared(a: OpFacts, b: OpFacts): string | undefined {
    const together = a.program === b.program && a.loops.join() === b.loops.join();
    return together && this.#linked(a).has(b.id) ? a.kernels.find((name) => b.kernels.includes(name)) : undefined;
  }

  /** What is one kernel with an op, itself among them, through whatever was joined. */
  #linked(a: OpFacts): Map<number, DecisionFacts | undefined> {
    const found = new Map<number, DecisionFacts | undefined>([[a.id, undefined]]);
    const queue = [a.id];
    for (let at = queue.shift(); at !== undefined; at = queue.shift())
      for (const decision of this.inspection.decisions) {
        if (!decision.joined || (decision.first !== at && decision.second !== at)) continue;
        const other = decision.first === at ? decision.second : decision.first;
        const both = this.#byId.get(other)!.kernels.some((name) => a.kernels.includes(name));
        if (found.has(other) || !both) continue;
        found.set(other, decision);
        queue.push(other);
      }
    return found;
  }

  /** The joins that lead from one to the other. */
  #chain(a: OpFacts, b: OpFacts): DecisionFacts[] {
    const links = this.#linked(a);
    const chain: DecisionFacts[] = [];
    for (let at = b.id, link = links.get(at); link !== undefined; link = links.get(at)) {
      chain.unshift(link);
      at = link.first === at ? link.second : link.first;
    }
    return chain;
  }

  /** The first reason for which the kernels of the two are not one. */
  #met(a: OpFacts, b: OpFacts): DecisionFacts | undefined {
    const inKernel = (id: number, op: OpFacts): boolean => {
      const other = this.#byId.get(id)!;
      return (
        other.program === op.program && other.loops.join() === op.loops.join() && other.kernels.some((name) => op.kernels.includes(name))
      );
    };
    return this.inspection.decisions.find(
      ({ first, second, joined }) =>
        !joined && ((inKernel(first, a) && inKernel(second, b)) || (inKernel(first, b) && inKernel(second, a))),
    );
  }
}

const sum = (decisions: readonly DecisionFacts[]): number => decisions.reduce((n, { savedBytes }) => n + savedBytes, 0);

/** What the pass need not look at to know it. */
function structural(a: OpFacts, b: OpFacts): Reason {
  if (a.program !== b.program) return "program";
  return a.loops.join() === b.loops.join() ? "unrelated" : "loop";
}
