import { appendFileSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openMetrics, summarizeLoad } from "../runtime/metrics.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("metrics");
const linesOf = (path: string): Record<string, unknown>[] =>
  readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as Record<string, unknown>);

/** Metrics of steps 1 to `steps`; every second step has a validation line too. */
function written(steps: number): string {
  const path = join(temporaryFolder(), "metrics.jsonl");
  const metrics = openMetrics(path, 0);
  for (let step = 1; step <= steps; step++) {
    metrics.add({ step, loss: 1 / step, load: { "layers.0": summarizeLoad([1, 2, 3]) } });
    if (step % 2 === 0) metrics.add({ step, validationLoss: 2 / step });
  }
  metrics.sync();
  metrics.close();
  return path;
}

test("a line a step, in plain JSON", () => {
  const lines = linesOf(written(3));
  assert.equal(
    lines.map(({ step }) => step),
    [1, 2, 2, 3],
  );
  assert.is(lines[3]?.["loss"], 1 / 3);
});

test("a resumed run cuts off the steps that it does again", () => {
  const path = written(5000);
  const metrics = openMetrics(path, 4321);
  metrics.add({ step: 4322, loss: 7 });
  metrics.close();
  const steps = linesOf(path).map(({ step }) => step);
  assert.equal(steps.slice(-4), [4320, 4320, 4321, 4322]);
  assert.is(steps.length, 4321 + 2160 + 1);
});

test("a line that a crash left unfinished is cut off, and so is what is not ours", () => {
  for (const tail of ['{"step":4,"lo', "\n", "garbage\n", '{"step":4}\u0000\n', '{"loss":1}\n']) {
    const path = written(3);
    appendFileSync(path, tail);
    openMetrics(path, 9).close();
    assert.equal(
      linesOf(path).map(({ step }) => step),
      [1, 2, 2, 3],
      JSON.stringify(tail),
    );
  }
});

test("a fresh run starts with an empty file", () => {
  const path = written(3);
  openMetrics(path, 0).close();
  assert.is(readFileSync(path, "utf8"), "");
});

test("what JSON has no number for is written as text", () => {
  const path = join(temporaryFolder(), "metrics.jsonl");
  const metrics = openMetrics(path, 0);
  metrics.add({ step: 1, loss: Number.NaN, gradNorm: Number.POSITIVE_INFINITY });
  metrics.close();
  assert.equal(linesOf(path), [{ step: 1, loss: "NaN", gradNorm: "Infinity" }]);
});

test("a place that cannot be written is named", () =>
  failsWith(() => openMetrics(join(temporaryFolder(), "none", "metrics.jsonl"), 0), "run/metrics", "there is no such file"));

test("load: even, uneven, unused", () => {
  assert.equal(summarizeLoad(Int32Array.of(5, 5, 5, 5)), { worst: 1, unused: 0, evenness: 1, tokens: [5, 5, 5, 5] });
  assert.equal(summarizeLoad(Int32Array.of(8, 0, 0, 0)), { worst: 4, unused: 3, evenness: 0.25, tokens: [8, 0, 0, 0] });
  const { worst, unused, evenness } = summarizeLoad(Int32Array.of(4, 4, 0, 0));
  assert.equal([worst, unused], [2, 2]);
  assert.ok(Math.abs(evenness - 0.5) < 1e-12);
  assert.is(summarizeLoad([0, 0]).unused, 2);
});

test.run();
