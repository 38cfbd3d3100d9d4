/** PyTorch and mlac side by side, for a terminal and for the page. */
import type { ChalkInstance } from "chalk";
import { columns } from "../columns.js";
import { binary } from "../memory.js";
import { bars, digits, figure, figures, markup, type Section, table } from "../picture/index.js";
import { plain } from "../plain.js";
import { halfWidth, ms } from "./figures.js";
import type { AgainstTorch, SideTimes } from "./torch.js";

const head = ["", "step", "", "gradients", "update", "tokens/s", "memory"];

const cells = (name: string, { step, gradients, update, tokensPerSecond, peakBytes }: SideTimes): string[] => [
  name,
  ms(step.median),
  halfWidth(step),
  ms(gradients.median),
  ms(update.median),
  Math.round(tokensPerSecond).toLocaleString("en-US"),
  peakBytes === null ? "" : binary(peakBytes),
];

const sentence = ({ ratio }: AgainstTorch): string =>
  `${digits(ratio.median)} times PyTorch's speed (quartiles of ${ratio.count} rounds in turn: ${digits(ratio.low)} to ${digits(ratio.high)})`;

const sameness = ({ compared }: AgainstTorch): string =>
  `the same model: losses ${compared.loss.toFixed(5)} and ${compared.torchLoss.toFixed(5)}; gradients apart by ${compared.gradients.toExponential(1)} of their norm, ${compared.worst.name} the most (${compared.worst.error.toExponential(1)})`;

const nameOf = ({ facts }: AgainstTorch): string => `PyTorch ${facts.torch}, ${facts.mode}`;

export function torchLines(result: AgainstTorch, paint: ChalkInstance): string[] {
  const rows = columns([head, cells("mlac", result.mlac), cells(nameOf(result), result.torch)], [1, 2, 3, 4, 5, 6], (cell, r) =>
    r === 0 ? paint.dim(cell) : cell,
  );
  return [...rows, "", paint.bold(sentence(result)), paint.dim(plain(sameness(result)))];
}

export function torchSection(result: AgainstTorch): Section {
  const bar = (name: string, { step }: SideTimes) => ({
    name,
    value: step.median / 1000,
    low: step.low / 1000,
    high: step.high / 1000,
  });
  const picture = bars({
    title: "Time of a step",
    width: 1100,
    axis: { unit: "s" },
    groups: [{ name: "", bars: [bar("mlac", result.mlac), bar(nameOf(result), result.torch)] }],
  });
  const columnsOf = head.map((name, i) => ({ name, number: i > 0 }));
  const rows = [cells("mlac", result.mlac), cells(nameOf(result), result.torch)];
  return {
    title: "Against PyTorch",
    lead: sentence(result),
    body: [
      figures([figure({ title: "Time of a step", picture, wide: true })]),
      table({ title: "mlac and PyTorch", columns: columnsOf, rows }),
      markup`<p>${sameness(result)}.</p>`,
    ],
  };
}
