/** The options of train(), checked: the training plan. */
import { type Parameter, type ParameterKind, showType } from "../ir.js";
import { nearest } from "../nearest.js";
import type { AdamWSettings, Data, ExpertBias, GroupSettings, MuonSettings, Schedule, TrainingPlan } from "../plan.js";
import type { Context } from "./context.js";
import { describe, type Entry, type Maker, type Plan } from "./known.js";
import { Options, type Range } from "./options.js";

const positive: Range = { min: 0, open: true };
const atLeast0: Range = { min: 0 };
const count: Range = { min: 1, whole: true };
const share: Range = { min: 0, max: 1 };

const keys = [
  "sizes",
  "steps",
  "seed",
  "accumulate",
  "clip",
  "optimizer",
  "schedule",
  "data",
  "evaluate",
  "sample",
  "checkpoint",
  "fuse",
] as const;

export function planOf(
  c: Context,
  plan: Plan,
  sizes: Record<string, number>,
  parameters: readonly Parameter[],
  expertBias: ExpertBias[],
): TrainingPlan {
  const options = new Options(c, "train", plan.options).only(...keys);
  const steps = options.number("steps", count);
  return {
    sizes,
    steps,
    seed: options.number("seed", { min: 0, whole: true }, 1),
    accumulate: options.number("accumulate", count, 1),
    clip: options.number("clip", atLeast0, 0),
    optimizer: optimizerOf(c, options.inner("optimizer"), parameters),
    expertBias,
    schedule: scheduleOf(c, options, steps),
    ...(options.has("data") ? { data: dataOf(options.inner("data")) } : {}),
    ...(options.has("evaluate") ? { evaluate: counts(options.inner("evaluate"), "every", "batches") } : {}),
    ...(options.has("sample") ? { sample: sampleOf(options.inner("sample")) } : {}),
    ...(options.has("checkpoint") ? { checkpoint: counts(options.inner("checkpoint"), "every", "keep") } : {}),
    fuse: options.has("fuse") ? texts(options.inner("fuse")) : {},
  };
}

function counts<A extends string, B extends string>(options: Options, a: A, b: B): Record<A | B, number> {
  options.only(a, b);
  return { [a]: options.number(a, count), [b]: options.number(b, count) } as Record<A | B, number>;
}

function sampleOf(options: Options): { every: number; prompt: string; tokens: number } {
  options.only("every", "prompt", "tokens");
  return { every: options.number("every", count), prompt: options.text("prompt"), tokens: options.number("tokens", count) };
}

function dataOf(options: Options): Data {
  options.only("train", "validation", "tokenizer");
  const validation = options.has("validation") ? { validation: options.text("validation") } : {};
  return { train: options.text("train"), ...validation, tokenizer: options.text("tokenizer") };
}

function texts(options: Options): Record<string, string> {
  return Object.fromEntries([...options.fields.entries.keys()].filter((key) => options.has(key)).map((key) => [key, options.text(key)]));
}

// ---- schedule

function scheduleOf(c: Context, plan: Options, steps: number): Schedule {
  if (!plan.has("schedule")) return { kind: "constant", warmup: 0 };
  const known = plan.get("schedule");
  if (known.is !== "maker" || !(known.name === "constant" || known.name === "cosine" || known.name === "wsd"))
    throw c.error(
      plan.node("schedule"),
      "plan/schedule",
      `the schedule must be constant(…), cosine(…) or wsd(…); it is ${describe(known)}`,
    );
  const { name: kind } = known;
  const options = new Options(c, kind, known.options, "plan/schedule").only(
    "warmup",
    ...(kind === "constant" ? [] : ["floor"]),
    ...(kind === "wsd" ? ["decay"] : []),
  );
  const length = (key: string, otherwise?: number): number => {
    const value = options.number(key, atLeast0, otherwise);
    return value < 1 ? value : options.checked(key, value, count);
  };
  const warmup = length("warmup", 0);
  const decay = kind === "wsd" ? { decay: length("decay") } : {};
  const used = [warmup, decay.decay ?? 0].reduce((sum, part) => sum + (part < 1 ? Math.round(part * steps) : part), 0);
  if (used > steps)
    throw c.error(
      plan.node("schedule"),
      "plan/schedule",
      `${kind}: warmup${kind === "wsd" ? " and decay take" : " takes"} ${used} steps; the training has ${steps}`,
      {
        help: `give ${kind === "wsd" ? "them as shares" : "it as a share"} of all steps: warmup: 0.1${kind === "wsd" ? ", decay: 0.3" : ""}`,
      },
    );
  return { kind, warmup, ...decay, ...(kind === "constant" ? {} : { floor: options.number("floor", share, 0) }) };
}

// ---- optimizer

const kinds: readonly string[] = ["weight", "embedding", "router", "gain", "bias"] satisfies ParameterKind[];

interface Group {
  key: string;
  entry: Entry;
  maker: Maker;
  /** For a path with stars. */
  pattern: readonly string[] | undefined;
}

/** Every parameter in exactly one group: of the path that matches it, or else of its kind. */
function optimizerOf(c: Context, options: Options, parameters: readonly Parameter[]): Record<string, GroupSettings> {
  const groups = [...options.fields.entries].filter(([key]) => options.has(key)).map(([key, entry]) => groupOf(c, key, entry));
  const trained = parameters.filter((parameter) => parameter.kind !== "state");
  for (const group of groups) refuseUnmatched(c, group, trained);
  const rules = new Map(groups.map((group) => [group, ruleOf(c, group)]));
  return Object.fromEntries(trained.map((parameter) => [parameter.path, assign(c, options, groups, rules, parameter)]));
}

/** A path that no parameter has. One that numbers a layer is a mistake of its own. */
function refuseUnmatched(c: Context, { key, pattern, entry }: Group, parameters: readonly Parameter[]): void {
  const fits = (p: readonly string[]): boolean => parameters.some((parameter) => matches(p, parameter));
  if (!pattern || fits(pattern)) return;
  const everyLayer = pattern.map((part) => (/^\d+$/.test(part) ? "*" : part));
  if (fits(everyLayer))
    throw c.error(entry.node, "plan/one-layer", `${key} names one layer, but all layers of a stack are moved in the same way`, {
      help: `write "${everyLayer.join(".")}", or give a layer that is different a name of its own`,
    });
  const paths = parameters.map((parameter) => parameter.path);
  throw c.error(entry.node, "plan/no-parameter", `no parameter has a path like ${key}`, nearest(key, paths));
}

function groupOf(c: Context, key: string, entry: Entry): Group {
  const { known, node } = entry;
  if (known.is !== "maker" || !(known.name === "muon" || known.name === "adamw"))
    throw c.error(node, "plan/optimizer", `what moves a parameter must be muon(…) or adamw(…); it is ${describe(known)}`);
  return { key, entry, maker: known, pattern: kinds.includes(key) ? undefined : key.split(".") };
}

function assign(
  c: Context,
  options: Options,
  groups: readonly Group[],
  rules: ReadonlyMap<Group, MuonSettings | AdamWSettings>,
  parameter: Parameter,
): GroupSettings {
  const at = { also: parameter.origin.slice(0, 1).map((span) => ({ span, label: parameter.path })) };
  const fitting = groups.filter(({ pattern }) => pattern && matches(pattern, parameter));
  const [first, second] = fitting;
  if (first && second)
    throw c.error(second.entry.node, "plan/two-groups", `${parameter.path} is in two groups, ${first.key} and ${second.key}`, {
      ...at,
      help: "write paths of which only one matches",
    });
  const group = first ?? groups.find(({ key }) => key === parameter.kind);
  if (!group)
    throw c.error(
      options.fields.node,
      "plan/no-group",
      `nothing moves ${parameter.path}: the optimizer says nothing of its kind, ${parameter.kind}`,
      {
        ...at,
        help: `add ${parameter.kind}: adamw({ lr: … })`,
      },
    );
  const rule = rules.get(group)!;
  const vector = parameter.kind === "gain" || parameter.kind === "bias";
  if (rule.is === "muon" && vector)
    throw c.error(
      group.entry.node,
      "plan/muon-not-a-matrix",
      `muon moves matrices; ${parameter.path} ${showType(parameter.type)} is a ${parameter.kind}`,
      { ...at, help: "write adamw({ lr: … })" },
    );
  return { ...(rule.is === "adamw" && vector ? { ...rule, weightDecay: 0 } : rule), group: group.key };
}

/**
 * A star is exactly one part of a path, whatever it is. All layers of a stack are one parameter, so their numbers are not in its path;
 * where they would be a star may stand, and no number: `layers.attn.out` and `layers.*.attn.out` mean the same.
 */
function matches(pattern: readonly string[], parameter: Parameter): boolean {
  const stacks = new Set(parameter.type.dims.slice(0, parameter.stacked).map((d) => d.name));
  const path = parameter.path.split(".");
  const from = (p: number, s: number): boolean => {
    if (p === pattern.length) return s === path.length;
    const afterStack = s > 0 && stacks.has(path.slice(0, s).join("."));
    if (afterStack && pattern[p] === "*" && p > 0 && pattern[p - 1] !== undefined && from(p + 1, s)) return true;
    return s < path.length && (pattern[p] === "*" || pattern[p] === path[s]) && from(p + 1, s + 1);
  };
  return from(0, 0);
}

function ruleOf(c: Context, { maker }: Group): MuonSettings | AdamWSettings {
  const options = new Options(c, maker.name, maker.options, "plan/optimizer");
  const lr = options.number("lr", positive);
  const weightDecay = options.number("weightDecay", atLeast0, 0);
  if (maker.name === "muon") {
    options.only("lr", "momentum", "weightDecay", "steps");
    const momentum = options.number("momentum", atLeast0, 0.95);
    if (momentum >= 1) throw options.error("momentum", `must be a number from 0 to 1, 1 left out; it is ${momentum}`);
    return {
      is: "muon",
      lr,
      momentum,
      weightDecay,
      steps: options.number("steps", count, 5),
    };
  }
  options.only("lr", "betas", "eps", "weightDecay");
  return { is: "adamw", lr, betas: betasOf(options), eps: options.number("eps", positive, 1e-8), weightDecay };
}

function betasOf(options: Options): [number, number] {
  if (!options.has("betas")) return [0.9, 0.95];
  const known = options.get("betas");
  const values = known.is === "array" ? known.items.map((item) => (item.is === "constant" ? item.value : undefined)) : [];
  const [first, second] = values;
  const fits = (beta: unknown): beta is number => typeof beta === "number" && beta >= 0 && beta < 1;
  if (values.length !== 2 || !fits(first) || !fits(second))
    throw options.error("betas", "must be two numbers from 0 to 1, 1 left out, as in [0.9, 0.95]");
  return [first, second];
}
