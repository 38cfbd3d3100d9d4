/** A bench's result as one HTML file: the same figures as in the terminal, with plots. */
import { binary } from "../memory.js";
import {
  bars,
  type Figure,
  facts,
  figure,
  figures,
  lines,
  type Markup,
  markup,
  type Piece,
  page,
  quantity,
  type Section,
  scatter,
  table,
} from "../picture/index.js";
import { halfWidth, ms, percent } from "./figures.js";
import type { BenchResult } from "./result.js";
import type { Growth } from "./scaling.js";
import type { Study } from "./study.js";
import { disturbance, disturbed, errorOf, isTimed, notAll, verdictOf, wholeStep } from "./tables.js";
import { torchSection } from "./torchText.js";

export function benchPage(result: BenchResult): string {
  const { model, device, target, dtype, threads, date, mlac, rounds } = result;
  const sections: (Section | undefined)[] = [
    result.choices && choiceSection(result.choices, result.quiet),
    result.kernels && kernelSection(result),
    ...(result.scaling ?? []).map(growthSection),
    result.torch && torchSection(result.torch),
    result.claims && claimSection(result),
    result.cuda && staticSection(result),
    howSection(result),
  ];
  return page({
    title: `${model}: mlac bench`,
    subtitle: `${device}, ${target}${target === "cpu" ? `, ${threads} threads` : ""}, ${dtype}; ${date}, mlac ${mlac}${isTimed(result) ? `, medians of ${rounds} rounds` : ""}`,
    sections: sections.filter((section) => section !== undefined),
  });
}

function choiceSection(study: Study, quiet: number): Section {
  const names = [...new Set(study.rows.map(({ name }) => name))];
  const groups = names.flatMap((name) => {
    const measured = study.rows.filter((row) => row.name === name && row.measured);
    if (measured.length === 0) return [];
    const of = measured.map((row) => {
      const { median, low, high } = row.measured!.step;
      return {
        name: row.choice,
        value: median / 1000,
        low: low / 1000,
        high: high / 1000,
        note: verdictOf(row, quiet).split(";")[0]!, // the table has the rest
        colour: row.wins ? 2 : 0,
      };
    });
    return [{ name, bars: of }];
  });
  const memory = names.flatMap((name) => {
    const rows = study.rows.filter((row) => row.name === name && row.planBytes !== undefined);
    return rows.length > 0
      ? [{ name, bars: rows.map((row) => ({ name: row.choice, value: row.planBytes!, colour: row.wins ? 2 : 0 })) }]
      : [];
  });
  const rows = study.rows.map((row) => [
    `${row.name} = ${row.choice}`,
    row.measured && ms(row.measured.step.median),
    row.measured && halfWidth(row.measured.step),
    row.measured && row.touched && `${ms(row.touched.milliseconds)} in ${row.touched.kernels}`,
    row.planBytes !== undefined && binary(row.planBytes),
    row.measured && row.measured.usedBytes !== null && binary(row.measured.usedBytes),
    errorOf(row),
    verdictOf(row, quiet),
  ]);
  const columns = ["choice", "step", "spread", "its kernels", "plan", "in use", "error", ""].map((name, i) => ({
    name,
    number: i > 0 && i < 7,
    code: i === 0,
  }));
  const small = Object.entries(study.errorSizes).map(([name, size]) => `${name}=${size}`);
  return {
    title: "Fusion choices",
    lead: `Each choice with the others at their best: ${Object.entries(study.base)
      .map(([name, choice]) => `${name}=${choice}`)
      .join(" ")}.`,
    body: [
      figures([
        figure({
          title: "Time of a step",
          picture: bars({ title: "Time of a step, by fusion choice", axis: { unit: "s" }, groups }),
          note: "Whiskers are quartiles; the winner of each name has a colour of its own.",
        }),
        figure({
          title: "Planned memory",
          picture: bars({ title: "Planned memory, by fusion choice", axis: { unit: "B" }, groups: memory }),
        }),
      ]),
      table({ title: "Fusion choices", columns, rows }),
      study.rows.some((row) => errorOf(row) !== "") &&
        markup`<p>Errors are of all gradients, those of muon of the weights' movement, against float64: norm over norm${small.length > 0 && `, at ${small.join(" ")}`}.</p>`,
    ],
  };
}

function kernelSection({ kernels, ceilings }: BenchResult): Section {
  const { rows, launches, milliseconds } = kernels!;
  const fastest = ceilings?.flops ?? Math.max(...rows.map(({ flops, milliseconds }) => (1000 * flops) / milliseconds));
  // What moves a few numbers has no place among the others: the axis would be for it alone.
  const dots = rows
    .filter(({ flops, bytes, milliseconds }) => bytes > 0 && (1000 * flops) / milliseconds > fastest / 1e4)
    .map((row) => ({
      name: row.name,
      x: row.flops / row.bytes,
      y: (1000 * row.flops) / row.milliseconds,
      weight: row.milliseconds,
      group: row.name.startsWith("bwd") ? "backward" : "forward",
      about: [
        `${ms(row.milliseconds)} in ${row.launches} launches`,
        row.roofline === undefined ? "" : `${(100 * row.roofline).toFixed(0)} % of the roof`,
      ],
    }));
  const roof: Figure = {
    title: "Kernels under the roof",
    picture: scatter({
      title: "FLOP a second over FLOP a byte, each kernel of a micro-step",
      width: 1100,
      height: 460,
      x: { log: true, label: "FLOP a byte" },
      y: { log: true, unit: "FLOP/s" },
      dots,
      ...(ceilings ? { ceilings: [{ slope: ceilings.bytes, slopeName: "copy", level: ceilings.flops, levelName: "large product" }] } : {}),
    }),
    note: "A dot's area is its time. Bytes are counted, each tensor once: a kernel that finds its data in a cache can be above the slope.",
    wide: true,
  };
  const columns = ["kernel", "lines", "launches", "time", "share", "speed", "traffic", "of the roof", "bound by"].map((name, i) => ({
    name,
    number: i > 1 && i < 8,
    code: i < 2,
  }));
  const cells = rows.map((row) => [
    row.name,
    row.lines.join(" "),
    row.launches || "",
    ms(row.milliseconds),
    percent(row.share),
    row.flops > 0 && quantity((1000 * row.flops) / row.milliseconds, "FLOP/s"),
    row.bytes > 0 && quantity((1000 * row.bytes) / row.milliseconds, "B/s"),
    row.roofline !== undefined && `${(100 * row.roofline).toFixed(0)} %`,
    row.bound,
  ]);
  return {
    title: "Kernels",
    lead: `${wholeStep(kernels!)}. ${launches} launches a micro-step; ${ms(milliseconds)} with the optimizer, kernel by kernel.`,
    body: [figures([figure(roof)]), table({ title: "Kernels", columns, rows: cells })],
  };
}

function growthSection({ name, points }: Growth): Section {
  const measured = points.filter((point) => point.measured);
  const x = { label: name, whole: true };
  const time = measured.map(({ value, measured }) => [Number(value), measured!.step.median / 1000] as const);
  const speed = measured.map(({ value, tokensPerSecond }) => [Number(value), tokensPerSecond!] as const);
  const planned = points.flatMap(({ value, planBytes }) => (planBytes === undefined ? [] : [[Number(value), planBytes] as const]));
  const used = measured.flatMap(({ value, measured }) =>
    measured!.usedBytes === null ? [] : [[Number(value), measured!.usedBytes] as const],
  );
  const cells = points.map(({ value, measured, tokensPerSecond, planBytes, why }) => [
    value,
    measured && ms(measured.step.median),
    measured && halfWidth(measured.step),
    tokensPerSecond !== undefined && Math.round(tokensPerSecond).toLocaleString("en-US"),
    planBytes !== undefined && binary(planBytes),
    measured && measured.usedBytes !== null && binary(measured.usedBytes),
    why,
  ]);
  const columns = [name, "step", "spread", "tokens/s", "plan", "in use", ""].map((title, i) => ({ name: title, number: i < 6 }));
  return {
    title: `Growth with ${name}`,
    body: [
      figures([
        figure({
          title: "Time of a step",
          picture: lines({
            title: `Time of a step over ${name}`,
            x,
            y: { unit: "s", zero: true },
            series: [{ name: "step", points: time, dots: true }],
          }),
        }),
        figure({
          title: "Tokens a second",
          picture: lines({
            title: `Tokens a second over ${name}`,
            x,
            y: { zero: true },
            series: [{ name: "tokens/s", points: speed, dots: true }],
          }),
        }),
        figure({
          title: "Memory",
          picture: lines({
            title: `Memory over ${name}`,
            x,
            y: { unit: "B", zero: true },
            series: [
              { name: "planned", points: planned, dots: true },
              { name: "in use", points: used, dots: true, dashed: true },
            ],
          }),
        }),
      ]),
      table({ title: `Growth with ${name}`, columns, rows: cells }),
    ],
  };
}

function claimSection({ claims = [] }: BenchResult): Section {
  const columns = ["", "here", "otherwise", "", "how it is known"].map((name) => ({ name }));
  const rows = claims.map(({ name, here, otherwise, gain, how }) => [name, here, otherwise, gain, how]);
  return { title: "Claims", body: table({ title: "Claims", columns, rows }) };
}

function staticSection({ cuda }: BenchResult): Section {
  const columns = ["choice", "plan", "kernels", "launches", ""].map((name, i) => ({ name, number: i > 0 && i < 4, code: i === 0 }));
  const rows = cuda!.rows.map((row) => [
    `${row.name} = ${row.choice}`,
    row.planBytes !== undefined && binary(row.planBytes),
    row.kernels,
    row.launches,
    row.why ?? (row.sameAs !== undefined && `the same program as ${row.sameAs}`),
  ]);
  return {
    title: "On CUDA, without a GPU",
    lead: "What is known before anything runs.",
    body: table({ title: "Choices on CUDA", columns, rows }),
  };
}

function howSection(result: BenchResult): Section {
  const { unfinished, quiet } = result;
  const others = disturbance(result);
  const leads = [others > quiet && disturbed(others), unfinished && notAll].filter((text) => text !== false);
  return { title: "How it was measured", ...(leads.length > 0 ? { lead: leads.join(" ") } : {}), body: about(result) };
}

/** Only of what was asked for. */
function about({ sizes, set, choices, kernels, ceilings, noCeilings, kept, notKept }: BenchResult): Markup {
  const all: [string, Piece][] = [
    [
      "sizes",
      Object.entries(sizes)
        .map(([name, size]) => `${name} ${size}`)
        .join(", "),
    ],
  ];
  const given = Object.entries(set).map(([name, value]) => `${name}=${value}`);
  if (given.length > 0) all.push(["set", given.join(" ")]);
  if (kernels)
    all.push([
      "the roof",
      ceilings
        ? `${quantity(ceilings.flops, "FLOP/s")} in a product of ${ceilings.product}, ${quantity(ceilings.bytes, "B/s")} in a copy, measured ${ceilings.date}`
        : (noCeilings ?? "not measured"),
    ]);
  if (choices) all.push(["winners", kept ?? (notKept === undefined ? "not kept" : `not kept: ${notKept}`)]);
  return facts(all);
}
