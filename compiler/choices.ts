/** The fusion choices: their names, what each can be on a target, and what `auto` takes. */
import { distance } from "fastest-levenshtein";
import { fail, MlacError } from "./diagnostics.js";
import type { Span } from "./ir.js";
import type { Target } from "./target.js";

interface Choice {
  values: readonly string[];
  /** A value with a number behind the colon: `chunk:512`. */
  withNumber?: readonly string[];
  /** Taken when nothing is asked for; measured, see docs/performance. */
  auto: string;
  /** Values that only make sense on another target, each with what there is to say about it here. */
  elsewhere?: Readonly<Record<string, string>>;
  /** Values whose results change by rounding from run to run: taken only where they are asked for. */
  unordered?: readonly string[];
  about: string;
}

const about = {
  mla: "keys and values: kept for the backward pass, made again from the latent, or made from it by attention's gradients, or by attention too",
  crossEntropy: "logits: all at once, so many rows at a time, or never stored and formed again",
  moeIn: "experts' rows: copied together first, or gathered while the product loads them",
  moeOut: "experts' results: each token sums its rows, or each row is added to its token",
  norm: "norms: a kernel of their own, or in the product that reads or makes their rows",
  swiglu: "activations: a kernel of their own, or in the products around them",
  muon: "Newton-Schulz: in full, half of each symmetric product, or on the small side's Gram matrix",
  recompute: "what the backward pass computes again instead of keeping it",
} as const;

export type ChoiceName = keyof typeof about;
export type Choices = Record<ChoiceName, string>;

const later = { absorb: "it is for generating, which takes it by itself (mlac generate --mla absorb)" };
/** The kernels make keys and values on tensor cores, in shared memory that the CPU has no counterpart of. */
const onlyHopper = { latent: "it is for NVIDIA's Hopper", inkernel: "it is for NVIDIA's Hopper" };
/** From the most memory to the least: fit takes the first that fits. */
const recompute = { values: ["none", "cheap", "products", "layer"], withNumber: ["fit"], auto: "cheap", about: about.recompute };

const cpu: Record<ChoiceName, Choice> = {
  mla: { values: ["materialize", "rebuild"], elsewhere: { ...later, ...onlyHopper }, auto: "materialize", about: about.mla },
  crossEntropy: { values: ["full", "recompute"], withNumber: ["chunk"], auto: "chunk:512", about: about.crossEntropy },
  moeIn: { values: ["gather", "fused"], auto: "fused", about: about.moeIn },
  moeOut: {
    values: ["gatherSum"],
    elsewhere: { scatter: "two threads would add into one row" },
    auto: "gatherSum",
    about: about.moeOut,
  },
  norm: { values: ["own", "fused"], auto: "own", about: about.norm },
  swiglu: { values: ["own", "fused"], auto: "fused", about: about.swiglu },
  muon: { values: ["plain", "symmetric", "gram"], auto: "symmetric", about: about.muon },
  recompute,
};

const cuda: Record<ChoiceName, Choice> = {
  // One product more for each layer buys the memory of all layers' keys and values.
  mla: { values: ["materialize", "rebuild", "latent", "inkernel"], elsewhere: later, auto: "rebuild", about: about.mla },
  crossEntropy: { values: ["full", "recompute"], withNumber: ["chunk"], auto: "chunk:2048", about: about.crossEntropy },
  moeIn: { values: ["gather", "fused"], auto: "fused", about: about.moeIn },
  // The order in which rows reach a token is not fixed.
  moeOut: { values: ["gatherSum", "scatter"], unordered: ["scatter"], auto: "gatherSum", about: about.moeOut },
  // In the epilogue of the product that makes the rows; its loads are copies by hardware.
  norm: { values: ["own", "fused"], auto: "fused", about: about.norm },
  swiglu: { values: ["own", "fused"], auto: "fused", about: about.swiglu },
  muon: { values: ["plain", "symmetric"], elsewhere: { gram: "" }, auto: "symmetric", about: about.muon },
  recompute,
};

const tables: Readonly<Record<Target, Record<ChoiceName, Choice>>> = { cpu, cuda };

export const choiceNames = Object.keys(about) as ChoiceName[];
export const choicesOf = (name: ChoiceName, target: Target = "cpu"): Choice => tables[target][name];

/** What is asked for on the CPU target, in order of weight, the last one counts; checked and completed. Errors: use/fuse. */
export const resolveChoices = (...asked: readonly Readonly<Record<string, string>>[]): Choices => resolveChoicesFor("cpu", ...asked);

/** The same on any target. */
export const resolveChoicesFor = (target: Target, ...asked: readonly Readonly<Record<string, string>>[]): Choices =>
  resolveOver(target, {}, ...asked);

/** With other defaults than mlac's where somebody has measured: they are what `auto` stands for. Errors: use/fuse. */
export function resolveOver(target: Target, measured: Partial<Choices>, ...asked: readonly Readonly<Record<string, string>>[]): Choices {
  const defaults = { ...(Object.fromEntries(choiceNames.map((name) => [name, tables[target][name].auto])) as Choices), ...measured };
  const result = { ...defaults };
  for (const choices of asked)
    for (const [name, value] of Object.entries(checkChoices(choices, {}, target)) as [ChoiceName, string][])
      result[name] = choices[name] === "auto" ? defaults[name] : value;
  return result;
}

/** Of these, what the target has, by name; and what it has not, as "name=value". Never fails. */
export function choicesThatHold(
  choices: Readonly<Record<string, unknown>>,
  target: Target,
): { held: Partial<Choices>; dropped: readonly string[] } {
  const held: Partial<Choices> = {};
  const dropped: string[] = [];
  for (const [name, value] of Object.entries(choices))
    try {
      Object.assign(held, checkChoices({ [name]: String(value) }, {}, target));
    } catch (error) {
      if (!(error instanceof MlacError)) throw error;
      dropped.push(`${name}=${String(value)}`);
    }
  return { held, dropped };
}

/** Choices by name, `auto` replaced. `places` says where each was written, if that was in a file. Errors: use/fuse. */
export function checkChoices(
  choices: Readonly<Record<string, string>>,
  places: Readonly<Record<string, Span>> = {},
  target: Target = "cpu",
): Partial<Choices> {
  return Object.fromEntries(
    Object.entries(choices).map(([asked, value]) => {
      const spans = places[asked] ? [places[asked]] : [];
      const name = choiceNamed(asked, spans);
      return [name, checkValue(name, value, target, spans)];
    }),
  );
}

/**
 * The choices in a model's file. The file is for every target: what only another one has is left to `auto` here, and what none
 * has is an error. Errors: use/fuse.
 */
export function checkFileChoices(
  choices: Readonly<Record<string, string>>,
  places: Readonly<Record<string, Span>>,
  target: Target,
): Partial<Choices> {
  return checkChoices(choicesKnown(choices, target).here, places, target);
}

/** The choices that `target` has, or that no target has, and those that only another one has. */
export function choicesKnown(
  choices: Readonly<Record<string, string>>,
  target: Target,
): { here: Record<string, string>; elsewhere: Record<string, string> } {
  const others = Object.values(tables).filter((table) => table !== tables[target]);
  const foreign = ([name, value]: [string, string]): boolean =>
    !takes(tables[target], name, value) && others.some((table) => takes(table, name, value));
  const entries = Object.entries(choices);
  return {
    here: Object.fromEntries(entries.filter((entry) => !foreign(entry))),
    elsewhere: Object.fromEntries(entries.filter(foreign)),
  };
}

function takes(table: Readonly<Record<string, Choice>>, name: string, value: string): boolean {
  const choice = Object.hasOwn(table, name) ? table[name] : undefined;
  return (
    choice !== undefined && (value === "auto" || choice.values.includes(value) || (choice.withNumber ?? []).includes(value.split(":")[0]!))
  );
}

/** Errors: use/fuse. */
export function choiceNamed(name: string, spans: readonly Span[] = []): ChoiceName {
  const known = choiceNames.find((n) => n === name);
  if (known) return known;
  const near = [...choiceNames].sort((a, b) => distance(name, a) - distance(name, b))[0]!;
  fail("use/fuse", `there is no fusion choice "${name}"`, {
    spans,
    help: distance(name, near) <= 3 ? `did you mean ${near}?` : `there are: ${choiceNames.join(", ")}`,
  });
}

function checkValue(name: ChoiceName, value: string, target: Target, spans: readonly Span[]): string {
  const choice = tables[target][name];
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
  const reason = choice.elsewhere?.[value];
  if (reason !== undefined) {
    const why = reason === "" ? "" : `: ${reason}`;
    fail("use/fuse", `${name}=${value} is not a choice of the ${target} target${why}`, { spans, help: `here ${name} is one of: ${there}` });
  }
  fail("use/fuse", `${name} cannot be "${value}"`, { spans, help: `it is one of: ${there}` });
}
