/** report.html of a run: made of metrics.jsonl, run.json and sample.txt, and of nothing else. */
import { existsSync, readFileSync } from "node:fs";
import { basename, resolve } from "node:path";
import { code, headlines, type Markup, markup, page, quantity, type Section } from "../../compiler/picture/index.js";
import { failOn, replaceFile } from "../durable.js";
import type { Metrics } from "../metrics.js";
import { duration } from "../progress.js";
import { pathsOf } from "../runs.js";
import { builtPart, dateOf, machinePart } from "./built.js";
import { expertFigures } from "./experts.js";
import { type RunFacts, readFacts } from "./facts.js";
import { readMetrics, seriesOf } from "./readMetrics.js";
import { trainingFigures } from "./training.js";

/** Replaces the report at once: whoever opens it sees the old one or the new one. Errors: run/report, run/disk. */
export async function writeReport(folder: string, out?: string): Promise<{ path: string; steps: number }> {
  const paths = pathsOf(folder);
  const path = out ?? paths.report;
  const metrics = readMetrics(paths.metrics);
  const sample = existsSync(paths.sample) ? readFileSync(paths.sample, "utf8") : "";
  const html = reportOf({ name: basename(resolve(folder)), metrics, facts: readFacts(paths.facts), sample });
  try {
    await replaceFile(path, (write) => write(Buffer.from(html)));
  } catch (error) {
    failOn(error, "run/disk", `${path} cannot be written`);
  }
  return { path, steps: metrics.at(-1)?.step ?? 0 };
}

export interface RunRecord {
  /** Of its folder. */
  name: string;
  metrics: readonly Metrics[];
  facts: RunFacts | undefined;
  /** What sample.txt holds. */
  sample: string;
}

export function reportOf({ name, metrics, facts, sample }: RunRecord): string {
  const experts = expertFigures(metrics, facts);
  const last = lastSample(sample);
  const sections: (Section | undefined)[] = [
    { title: "Training", body: trainingFigures(metrics, facts) },
    experts && { title: "Experts", body: experts, lead: "How the tokens of a micro-batch were shared out among each layer's experts." },
    last === ""
      ? undefined
      : { title: "Sample", body: code(last), lead: "What the model made of the plan's prompt when it was last asked." },
    facts && { title: "What was built", body: builtPart(facts) },
    facts && { title: "Machine", body: machinePart(facts) },
  ];
  return page({
    title: name,
    subtitle: subtitle(metrics, facts),
    summary: headlines(figuresOf(metrics, facts)),
    sections: sections.filter((section) => section !== undefined),
  });
}

function subtitle(metrics: readonly Metrics[], facts: RunFacts | undefined): Markup {
  const step = (metrics.at(-1)?.step ?? 0).toLocaleString("en-US");
  if (facts === undefined) return markup`${step} steps`;
  const { built, settings, starts } = facts;
  const machine = starts.at(-1)?.gpu ?? starts.at(-1)?.processor;
  const began = starts[0] && dateOf(starts[0]);
  const all = [
    facts.model,
    `${step} of ${settings.steps.toLocaleString("en-US")} steps`,
    `${built.target}, ${built.dtype}`,
    machine,
    began,
  ];
  return markup`${all.filter((part) => part !== undefined).join(" · ")}`;
}

function figuresOf(metrics: readonly Metrics[], facts: RunFacts | undefined): { value: string; name: string; about?: string }[] {
  const at = (field: keyof Metrics): number | undefined => seriesOf(metrics, field).at(-1)?.[1];
  const loss = seriesOf(metrics, "loss").map(([, value]) => value);
  const recent = loss.slice(-Math.max(1, Math.round(loss.length / 30)));
  const seconds = seriesOf(metrics, "seconds").reduce((sum, [, value]) => sum + value, 0);
  const speed = middle(seriesOf(metrics, "tokensPerSecond").map(([, value]) => value));
  const [validation, bits, memory] = [at("validationLoss"), at("bitsPerByte"), at("memory")];
  const number = (value: number): string => (Number.isFinite(value) ? value.toFixed(4) : String(value));
  return [
    ...(loss.length > 0
      ? [
          {
            name: "loss",
            value: number(recent.reduce((a, b) => a + b, 0) / recent.length),
            about: recent.length > 1 ? `mean of the last ${recent.length} steps` : "nats a token",
          },
        ]
      : []),
    ...(validation === undefined
      ? []
      : [
          {
            name: "validation loss",
            value: number(validation),
            ...(bits === undefined ? {} : { about: `${bits.toFixed(3)} bits a byte` }),
          },
        ]),
    ...(speed === undefined ? [] : [{ name: "speed", value: quantity(speed), about: "tokens a second, the median step" }]),
    ...(seconds > 0 ? [{ name: "time", value: duration(seconds), about: "of all steps" }] : []),
    ...(facts ? [{ name: "parameters", value: quantity(facts.built.parameters), about: facts.built.dtype }] : []),
    ...memoryOf(memory, facts),
  ];
}

/** On a GPU that which the model has there; the process beside it only feeds it. */
function memoryOf(process: number | undefined, facts: RunFacts | undefined): { value: string; name: string; about: string }[] {
  if (facts?.built.target === "cuda") {
    const planned = Object.values(facts.built.memory).reduce((sum, bytes) => sum + bytes, 0);
    return [{ name: "memory", value: quantity(planned, "B"), about: "planned on the GPU" }];
  }
  return process === undefined ? [] : [{ name: "memory", value: quantity(process, "B"), about: "of the process" }];
}

function middle(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
}

/** Its heading, "── step 300 ──…", is no part of it. */
const lastSample = (text: string): string =>
  text
    .slice(text.lastIndexOf("── step"))
    .replace(/^── step[^\n]*\n/, "")
    .trim();
