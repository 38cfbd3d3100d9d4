import { suite } from "uvu";
import * as assert from "uvu/assert";
import type { Diagnostic } from "../compiler/diagnostics.js";
import type { Span } from "../compiler/ir.js";
import { colors, report, reportJson } from "../compiler/report.js";

const test = suite("report");

const source = "const a = 1;\n\tconst head = linear(x, p.out);\nreturn feed(\n  x,\n);\n";
const span = (line: number, column: number, endColumn: number, endLine = line): Span => ({
  file: "/models/model.ts",
  line,
  column,
  endLine,
  endColumn,
});
const show = (diagnostic: Diagnostic, color = false): string => report([diagnostic], { color, directory: "/models", read: () => source });

test("a frame is the line, a mark under the span and its label", () => {
  const text = show({
    slug: "shape/reads",
    message: "linear: x is [B T D]",
    frames: [{ span: span(1, 7, 8), label: "made here" }],
    help: "give it a weight that reads D",
  });
  assert.is(
    text,
    [
      "error shape/reads  linear: x is [B T D]",
      "  model.ts:1:7",
      "     1 │ const a = 1;",
      "       │       ─  made here",
      "  help  give it a weight that reads D",
    ].join("\n"),
  );
});

test("tabs keep the mark in its place", () => {
  const [, , line = "", mark = ""] = show({ slug: "shape/reads", message: "m", frames: [{ span: span(2, 15, 31) }] }).split("\n");
  assert.is(mark.indexOf("─"), line.indexOf("linear"));
  assert.is([...mark].filter((c) => c === "─").length, "linear(x, p.out)".length);
});

test("a span over several lines is marked to the end of its first line", () => {
  const text = show({ slug: "shape/reads", message: "m", frames: [{ span: span(3, 8, 2, 5) }] });
  assert.is([...text].filter((c) => c === "─").length, "feed(".length);
});

test("a file that cannot be read leaves the place and the label", () => {
  const text = report([{ slug: "x/y", message: "m", frames: [{ span: span(9, 1, 2), label: "here" }] }], {
    color: false,
    directory: "/elsewhere",
    read: () => undefined,
  });
  assert.is(text, "error x/y  m\n  /models/model.ts:9:1\n      here");
});

test("a long stack of calls loses its middle, a repeated place is told once", () => {
  const frames = Array.from({ length: 20 }, (_, i) => ({ span: span(1, 1 + (i % 10), 12) }));
  const text = show({ slug: "shape/reads", message: "m", frames: [frames[0]!, ...frames] });
  assert.match(text, "… 14 more calls");
  assert.is(text.match(/model\.ts:/g)?.length, 6);
});

test("control characters of the source never reach the terminal", () => {
  const text = report([{ slug: "x/y", message: "\u001b[2Jgone \u202e", frames: [{ span: span(1, 1, 2) }] }], {
    color: false,
    read: () => "a\u001b]0;title\u0007b",
  });
  for (const character of ["\u001b", "\u0007", "\u202e"]) assert.not.ok(text.includes(character));
});

test("colours are on request, and never with NO_COLOR", () => {
  const diagnostic = { slug: "x/y", message: "m", frames: [] };
  assert.match(show(diagnostic, true), "\u001b[");
  const before = process.env["NO_COLOR"];
  process.env["NO_COLOR"] = "1";
  assert.is(colors().red("x"), "x");
  if (before === undefined) delete process.env["NO_COLOR"];
  else process.env["NO_COLOR"] = before;
});

test("several diagnostics stand apart; --json keeps them whole", () => {
  const diagnostics = ["one", "two"].map((message) => ({ slug: "x/y", message, frames: [{ span: span(1, 1, 2) }] }));
  assert.is(report(diagnostics, { color: false, read: () => undefined }).split("\n\n").length, 2);
  assert.equal(JSON.parse(JSON.stringify(reportJson(diagnostics))), { ok: false, diagnostics });
});

test.run();
