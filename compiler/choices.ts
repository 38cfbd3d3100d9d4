/** The fusion choices: their names, what each can be on this target, and what `auto` takes. */
import { distance } from "fastest-levenshtein";
import { fail } from "./diagnostics.js";
import type { Span } from "./ir.js";

interface Choice {
  values: readonly string[];
  /** A value with a number behind the colon: `chunk:512`. */
  withNumber?: readonly string[];
  /** Taken when nothing is asked for; measured on the CPU target, see docs/performance/cpu.md. */
  auto: string;
  /** Values that only make sense on another target. */
  elsewhere?: readonly string[];
  about: string;
}

const cpu = {
  mla: {
    values: ["materialize", "rebuild"],
    elsewhere: ["latent", "inkernel", "absorb"],
    auto: "materialize",
    about: "keys and values: kept for the backward pass, or made again from the latent",
  },
  crossEntropy: {
    values: ["full", "recompute"],
    withNumber: ["chunk"],
    auto: "chunk:512",
    about: "logits: all at once, so many rows at a time, or never stored and formed again",
  },
  moeIn: {
    values: ["gather", "fused"],
    auto: "fused",
    about: "experts' rows: copied together first, or gathered while the product loads them",
  },
  moeOut: { values: ["gatherSum"], elsewhere: ["scatter"], auto: "gatherSum", about: "experts' results: each token sums its rows" },
  norm: { values: ["own", "fused"], auto: "own", about: "norms: a kernel of their own, or in the product that reads them" },
  swiglu: { values: ["own", "fused"], auto: "fused", about: "activations: a kernel of their own, or in the products around them" },
  muon: {
    values: ["plain", "symmetric", "gram"],
    auto: "symmetric",
    about: "Newton-Schulz: in full, half of each symmetric product, or on the small side's Gram matrix",
  },
  recompute: {
    values: ["none", "cheap", "layer"],
    withNumber: ["fit"],
    auto: "cheap",
    about: "what the backward pass computes again instead of keeping it",
  },
} as const satisfies Record<string, Choice>;

export type ChoiceName = keyof typeof cpu;
export type Choices = Record<ChoiceName, string>;

export const choiceNames = Object.keys(cpu) as ChoiceName[];
export const choicesOf = (name: ChoiceName): Choice => cpu[name];

/** What is asked for, in order of weight, the last one counts; checked and completed. Errors: use/fuse. */
export function resolveChoices(...asked: readonly Readonly<Record<string, string>>[]): Choices {
  const result = Object.fromEntries(choiceNames.map((name) => [name, cpu[name].auto])) as Choices;
  for (const choices of asked) Object.assign(result, checkChoices(choices));
  return result;
}

/** Choices by name, `auto` replaced. `places` says where each was written, if that was in a file. Errors: use/fuse. */
export function checkChoices(choices: Readonly<Record<string, string>>, places: Readonly<Record<string, Span>> = {}): Partial<Choices> {
  return Object.fromEntries(
    Object.entries(choices).map(([asked, value]) => {
      const spans = places[asked] ? [places[asked]] : [];
      const name = checkName(asked, spans);
      return [name, checkValue(name, value, spans)];
    }),
  );
}

function checkName(name: string, spans: readonly Span[]): ChoiceName {
  const known = choiceNames.find((n) => n === name);
  if (known) return known;
  const near = [...choiceNames].sort((a, b) => distance(name, a) - distance(name, b))[0]!;
  fail("use/fuse", `there is no fusion choice "${name}"`, {
    spans,
    help: distance(name, near) <= 3 ? `did you mean ${near}?` : `there are: ${choiceNames.join(", ")}`,
  });
}

function checkValue(name: ChoiceName, value: string, spans: readonly Span[]): string {
  const choice: Choice = cpu[name];
  if (value === "auto") return choice.auto;
  if (choice.values.includes(value)) return value;
  const [word, number] = value.split(":");
  if (word !== undefined && choice.withNumber?.includes(word)) {
    if (/^[1-9]\d*$/.test(number ?? "")) return value;
    fail("use/fuse", `${name}=${value}: behind the colon stands a whole number of at least 1`, {
      spans,
      help: `for example --fuse ${name}=${word}:${word === "fit" ? "2000000000" : "512"}`,
    });
  }
  const there = [...choice.values, ...(choice.withNumber ?? []).map((w) => `${w}:${w === "fit" ? "BYTES" : "ROWS"}`)].join(", ");
  if (choice.elsewhere?.includes(value))
    fail("use/fuse", `${name}=${value} is not a choice of the cpu target`, { spans, help: `here ${name} is one of: ${there}` });
  fail("use/fuse", `${name} cannot be "${value}"`, { spans, help: `it is one of: ${there}` });
}
