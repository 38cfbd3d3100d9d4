/** The report's part on what was trained: choices, sizes, memory, kernels, and the machine. */
import { bars, digits, facts, figure, figures, type Markup, markup, type Piece, quantity, table } from "../../compiler/picture/index.js";
import type { RunFacts, Start } from "./facts.js";

export function builtPart({ built, settings, groups, starts }: RunFacts): Markup {
  const last = starts.at(-1);
  const memory = { ...built.memory, scratch: built.scratchPerThread * (last?.threads ?? 1) };
  const total = Object.values(memory).reduce((sum, bytes) => sum + bytes, 0);
  return markup`${facts([
    ["target", `${built.target}, ${built.dtype}`],
    ["parameters", built.parameters.toLocaleString("en-US")],
    ["tokens of a step", tokensOfStep(built, settings)],
    ["steps", `${settings.steps.toLocaleString("en-US")}, ${settings.schedule.kind} schedule`],
    [
      "data",
      settings.data.validation === undefined ? settings.data.train : `${settings.data.train}; evaluated on ${settings.data.validation}`,
    ],
    ["tokenizer", settings.data.tokenizer],
    ["seed", String(settings.seed)],
    ["clip", settings.clip > 0 ? `gradient norm at ${digits(settings.clip)}` : "none"],
    ["replaced with --set", pairs(built.set) || "nothing"],
  ])}${figures([
    figure({ title: "Sizes", picture: pairTable("Sizes", "dimension", "size", built.sizes) }),
    figure({ title: "Fusion choices", picture: pairTable("Fusion choices", "name", "choice", built.fuse) }),
    figure({
      title: "Optimizers",
      picture: table({
        title: "Optimizers by group of parameters",
        columns: [
          { name: "parameters", code: true },
          { name: "optimizer" },
          { name: "learning rate", number: true },
          { name: "weight decay", number: true },
        ],
        rows: groups.map(({ group, optimizer, lr, weightDecay }) => [group, optimizer, digits(lr * settings.lrScale), digits(weightDecay)]),
      }),
    }),
    figure({
      title: "Planned memory",
      note: `${quantity(total, "B")} in all`,
      picture: bars({
        title: "Planned memory by kind",
        axis: { unit: "B" },
        groups: [{ name: "", bars: Object.entries(memory).map(([name, value]) => ({ name, value, colour: 0 })) }],
      }),
    }),
  ])}${kernels(built.kernels)}`;
}

const tokensOfStep = ({ tokens: { batch, length } }: RunFacts["built"], { accumulate }: RunFacts["settings"]): string =>
  `${(batch * length * accumulate).toLocaleString("en-US")}: ${accumulate > 1 ? `${accumulate} × ` : ""}${batch} × ${length}`;

const pairs = (record: Readonly<Record<string, unknown>>): string =>
  Object.entries(record)
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(", ");

const pairTable = (title: string, name: string, value: string, record: Readonly<Record<string, string | number>>): Markup =>
  table({
    title,
    columns: [
      { name, code: true },
      { name: value, number: typeof Object.values(record)[0] === "number" },
    ],
    rows: Object.entries(record).map(([key, what]) => [key, typeof what === "number" ? what.toLocaleString("en-US") : what]),
  });

function kernels(all: RunFacts["built"]["kernels"]): Markup {
  const sorted = all.filter(({ programs }) => programs.includes("train")).sort((a, b) => b.flops - a.flops || b.bytes - a.bytes);
  if (sorted.length === 0) return markup``;
  const rows = sorted.map(({ name, ops, lines, flops, bytes }): Piece[] => [
    name,
    ops.join(", "),
    lines.join(", "),
    quantity(flops, "FLOP"),
    quantity(bytes, "B"),
  ]);
  const columns = [
    { name: "kernel", code: true },
    { name: "operations" },
    { name: "lines", code: true },
    ...["arithmetic of a call", "traffic of a call"].map((name) => ({ name, number: true })),
  ];
  return markup`<details><summary>${sorted.length} kernels of forward and backward</summary>${table({ title: "Kernels", columns, rows })}</details>`;
}

export function machinePart({ starts }: RunFacts): Markup {
  const last = starts.at(-1);
  if (last === undefined) return markup``;
  return markup`${facts([
    ...(last.ranks === undefined ? [] : [["ranks", `${last.ranks}; of the machine of rank 0 is what follows`] as const]),
    ["processor", `${last.processor}, ${last.processors} processors, ${last.threads} threads`],
    ...(last.gpu === undefined ? [] : [["GPU", last.gpu] as const]),
    ["memory", quantity(last.memory, "B")],
    ["system", last.system],
    ["mlac", `${last.mlac}, Node.js ${last.node}`],
    ["started", dateOf(last)],
  ])}${
    starts.length > 1 &&
    markup`<h3>Starts</h3>${table({
      title: "When the run was started and resumed",
      columns: [{ name: "date" }, { name: "from step", number: true }, { name: "mlac" }, { name: "machine" }],
      rows: starts.map((start) => [dateOf(start), start.step.toLocaleString("en-US"), start.mlac, start.gpu ?? start.processor]),
    })}`
  }`;
}

/** 2026-11-24 13:14 UTC */
export const dateOf = ({ date }: Start): string => `${date.slice(0, 16).replace("T", " ")} UTC`;
