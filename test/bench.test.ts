/** `mlac bench`: what it measures on a model of seconds, what it keeps, and how it says it. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { claims } from "../compiler/bench/claims.js";
import { openBench } from "../compiler/bench/context.js";
import { keep } from "../compiler/bench/index.js";
import type { Measured } from "../compiler/bench/measure.js";
import { benchPage } from "../compiler/bench/page.js";
import type { BenchResult } from "../compiler/bench/result.js";
import { staticRows } from "../compiler/bench/static.js";
import { compare, spread } from "../compiler/bench/statistics.js";
import { choose, type Row } from "../compiler/bench/study.js";
import { describe } from "../compiler/bench/tables.js";
import { findPython } from "../compiler/bench/torch.js";
import type { BuildOptions } from "../compiler/build.js";
import { choicesFor, emitAll, lowerModel } from "../compiler/compile.js";
import { MlacError } from "../compiler/diagnostics.js";
import { deviceName, type MeasuredChoices, measuredFor, measuredPath } from "../compiler/measured.js";
import { root } from "../compiler/package.js";
import { colors } from "../compiler/report.js";
import { seal } from "../compiler/upToDate.js";
import { temporaryFolder } from "./temporary.js";

const cli = fileURLToPath(new URL("../compiler/cli.js", import.meta.url));
/** Its name is markup and an escape code. */
const folder = join(temporaryFolder(), '<img src="x">\u001b[31m');
mkdirSync(folder);
writeFileSync(
  join(folder, "model.ts"),
  `import { adamw, add, block, dims, embedding, linear, linearCrossEntropy, lookup, muon, swiglu, type Targets, type Tokens, train, weight } from "mlac";

const sizes = dims({ B: 2, T: 16, V: 32, D: 16, F: 48 });
const Model = block({
  embed: embedding("V -> D"), gate: weight("D -> F"), up: weight("D -> F"), down: weight("F -> D"), head: embedding("V -> D"),
}, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  const x = lookup(p.embed, tokens);
  return linearCrossEntropy(add(x, linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down)), p.head, targets);
});
export default train(Model, { sizes, steps: 5, optimizer: { weight: muon({ lr: 0.01 }), embedding: adamw({ lr: 1e-3 }) } });
`,
);
const build: BuildOptions = { model: join(folder, "model.ts"), target: "cpu", dtype: "f32", fuse: {}, set: {} };

function mlac(...given: string[]): { code: number | null; out: string; err: string } {
  const env = { ...process.env, NO_COLOR: "1", CUDA_VISIBLE_DEVICES: "-1", MLAC_ARCH: "" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, ...given], { cwd: folder, env, encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

const bench = (...given: string[]): BenchResult & { files: string[] } => {
  const { code, out, err } = mlac("bench", "--target", "cpu", "--threads", "2", "--rounds", "3", "--quiet", "100", "--json", ...given);
  assert.is(code, 0, err + out);
  return JSON.parse(out) as BenchResult & { files: string[] };
};

const notBuilt = (): Promise<never> => Promise.reject(new Error("nothing is built"));

test("a difference is noise unless it is larger than the spread", () => {
  const steady = [10, 10.1, 9.9, 10, 10];
  assert.is(compare([8, 8.1, 7.9, 8, 8], steady, false).verdict, "faster");
  assert.is(compare([12, 12.1, 11.9, 12, 12], steady, false).verdict, "slower");
  assert.is(compare([8, 12, 6, 9, 11], steady, false).verdict, "noise");
  assert.is(compare([10.02, 10.02, 10.02, 10.02, 10.02], [10, 10, 10, 10, 10], true).verdict, "noise", "half a hundredth is nothing");
  // The machine slows down meanwhile; in turns, the difference is as clear as ever.
  const [a, b] = [
    [9, 19, 29, 39],
    [10, 20, 30, 40],
  ] as const;
  assert.is(compare(a, b, false).verdict, "noise");
  assert.is(compare(a, b, true).verdict, "faster");
});

test("what gives up the same bits never wins, and neither does noise", () => {
  const measured = (ms: number): Measured => ({ step: spread([ms]), others: 0 }) as Measured;
  const row = (choice: string, ms: number, more: Partial<Row>): Row => ({
    name: "moeOut",
    choice,
    base: false,
    unordered: false,
    wins: false,
    measured: measured(ms),
    against: { difference: ms - 10, share: (ms - 10) / 10, verdict: "faster" },
    ...more,
  });
  const winner = (rows: Row[]): string | undefined => {
    choose(rows, 0.1);
    return rows.find(({ wins }) => wins)?.choice;
  };
  const { against: _, ...base } = row("gatherSum", 10, { base: true });
  assert.is(winner([base, row("scatter", 5, { unordered: true })]), "gatherSum");
  const noise = { difference: -1, share: -0.1, verdict: "noise" } as const;
  assert.is(winner([{ ...base, wins: false }, row("b", 9, { against: noise })]), "gatherSum");
  assert.is(winner([{ ...base, wins: false }, row("b", 9, {}), row("c", 8, {})]), "c");
  assert.is(winner([{ ...base, wins: false }, row("b", 9, { measured: { ...measured(9), others: 0.4 } })]), "gatherSum");
});

let first: BenchResult & { files: string[] };

test("each choice is timed, planned, and held against float64; the same program is measured once", () => {
  first = bench("--only", "muon,moeIn", "--passes", "1");
  const { rows } = first.choices!;
  assert.equal(
    rows.filter(({ name }) => name === "muon").map(({ choice }) => choice),
    ["symmetric", "plain", "gram"],
  );
  for (const row of rows.filter(({ name }) => name === "muon")) {
    assert.ok(row.measured!.step.median > 0);
    assert.is(row.measured!.step.count, 3);
    assert.ok(row.planBytes! > 1000 && row.measured!.usedBytes! > 1000);
    assert.ok(row.measured!.kernels.length > 5, "kernels have times");
    assert.is(row.touched!.kernels, 0, "Muon changes no kernel of the micro-step");
    assert.ok(row.touched!.milliseconds > 0, "but the optimizer");
    assert.ok(
      typeof row.error === "object" && row.error.update > 0 && row.error.update < 1e-4 && row.error.gradients < 1e-5,
      JSON.stringify(row.error),
    );
  }
  // Without experts there is nothing to gather.
  const [fused, gather] = rows.filter(({ name }) => name === "moeIn");
  assert.is(gather!.sameAs, "fused");
  assert.is(fused!.measured, undefined);
  const muon = rows.find(({ name }) => name === "muon")!.measured!;
  assert.is(
    first.kernels!.launches,
    muon.kernels.reduce((n, { calls }) => n + calls, 0),
  );
  assert.ok(first.ceilings!.flops > 1e8 && first.ceilings!.bytes > 1e8);
});

test("a second run takes what was measured, and measures what is new", () => {
  const path = join(folder, first.files.find((file) => file.endsWith("bench.json"))!);
  assert.ok(existsSync(path));
  const again = bench("--only", "muon", "--passes", "1");
  const steps = ({ choices }: BenchResult): number[] =>
    choices!.rows.flatMap(({ name, measured }) => (name === "muon" && measured ? [measured.step.median] : []));
  // The winners of the first run are what the second one begins with: the order may differ.
  assert.equal(steps(again).sort(), steps(first).sort());
  const other = bench("--only", "muon", "--passes", "1", "--rounds", "4", "--no-keep", "--no-error");
  assert.is(other.choices!.rows[0]!.measured!.step.count, 4);
  assert.match(other.notKept ?? "", "--no-keep");
});

test("the page and the table are text, whatever a name holds", () => {
  const page = join(folder, first.files.find((file) => file.endsWith("bench.html"))!);
  assert.ok(statSync(page).size < 3e6);
  const hostile = '<script>alert("1")</script>\u001b[2J\u202e';
  const result: BenchResult = {
    ...first,
    model: hostile,
    device: hostile,
    sizes: { [hostile]: 3 },
    set: { [hostile]: hostile },
    kept: hostile,
    kernels: { ...first.kernels!, rows: first.kernels!.rows.map((row) => ({ ...row, name: hostile, lines: [hostile] })) },
    scaling: [{ name: hostile, points: [{ value: hostile, tokens: 1, why: hostile }] }],
    claims: [{ name: hostile, here: hostile, otherwise: hostile, gain: hostile, how: hostile, figures: {} }],
  };
  for (const row of result.choices!.rows) Object.assign(row, { error: hostile });
  const html = benchPage(result);
  assert.not.match(html, "<script>alert");
  assert.match(html, "&lt;script&gt;alert(&quot;1&quot;)");
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  const control = /[\x1b\u202e]/;
  assert.not.match(html, control);
  assert.not.match(describe(result, colors(false)), control);
  const shown = mlac("bench", "model.ts", "--claims", "--target", "cpu");
  assert.is(shown.code, 0, shown.err);
  assert.not.match(shown.out, control);
  const lines = shown.out.trimEnd().split("\n");
  const table = lines.slice(lines.findIndex((line) => line.startsWith("claim ")) + 1);
  assert.is(table.length, 5, "each claim is a line");
});

test("what disturbed a comparison with PyTorch, or had no time, is said in the table and on the page", () => {
  const side = { step: spread([2]), gradients: spread([1]), update: spread([1]), tokensPerSecond: 1000, peakBytes: null };
  const torch: BenchResult["torch"] = {
    facts: { torch: "2.11.0", python: "3.12", mode: "eager" },
    compared: { loss: 1, torchLoss: 1, gradients: 1e-6, worst: { name: "a", error: 1e-6 } },
    mlac: side,
    torch: side,
    ratio: spread([1, 2, 3]),
    others: 0.5,
  };
  const { choices: _, kernels: __, ...rest } = first;
  const disturbed: BenchResult = { ...rest, quiet: 0.1, torch, unfinished: true };
  const quiet: BenchResult = { ...rest, quiet: 0.6, torch, unfinished: false };
  for (const text of [describe(disturbed, colors(false)), benchPage(disturbed)]) {
    assert.match(text, "Other programs had up to 50.0 % of the processors");
    assert.match(text, "There was no time for all of it");
  }
  for (const text of [describe(quiet, colors(false)), benchPage(quiet)]) assert.not.match(text, /Other programs|no time for all/);
});

const stored = (fuse: Record<string, string>, sizes = lowerModel(build).sizes): MeasuredChoices => ({
  format: 1,
  device: "Some GPU",
  target: "cpu",
  date: "2026-01-31",
  sizes,
  fuse,
});

test("auto stands for what was measured; the model's file and the command line stand above it", async () => {
  const model = lowerModel(build);
  const chosen = (measured: MeasuredChoices, fuse: Record<string, string> = {}): string =>
    choicesFor({ ...build, measured, fuse }, model).muon;
  assert.is(chosen(stored({ muon: "gram" })), "gram");
  assert.is(chosen(stored({ muon: "gram" }), { muon: "plain" }), "plain");
  assert.is(chosen(stored({ muon: "gram" }), { muon: "auto" }), "gram");
  assert.is(chosen(stored({ muon: "gramm", norm: "own", colour: "red" })), "symmetric");
  assert.is(chosen(stored({ muon: "gram" }, { ...model.sizes, T: 17 })), "symmetric");
  assert.is(chosen({ ...stored({ muon: "gram" }), target: "cuda" }), "symmetric");
  const notes = async (measured: MeasuredChoices): Promise<string> => (await emitAll({ ...build, measured })).notes.join("\n");
  assert.is(await notes(stored({ muon: "gram", norm: "own" })), "as measured on Some GPU, 2026-01-31: muon=gram");
  assert.match(await notes(stored({ muon: "gramm", colour: "red" })), "name muon=gramm, colour=red, which the cpu target has not");
  assert.match(await notes(stored({ muon: "gram" }, { T: 1 })), "for other sizes");
  assert.is.not(seal({ ...build, measured: stored({ muon: "gram" }) }), seal(build));
  assert.is.not(seal({ ...build, measured: stored({ muon: "gram" }) }), seal({ ...build, measured: stored({ muon: "plain" }) }));
});

test("the winners are found by the device's name, and a build says so once", async () => {
  const device = (await deviceName("cpu"))!;
  const here = process.cwd();
  process.chdir(folder);
  try {
    const path = measuredPath(build.model, "cpu", device);
    const opened = await openBench({ build, threads: 2, rounds: 3, quiet: 1, anew: false, make: notBuilt, note: () => undefined });
    const rows = first.choices!.rows.filter(({ measured }) => measured);
    await keep(opened, { ...first.choices!, rows, best: { ...first.choices!.best, muon: "gram", norm: "fused" } });
    const kept = JSON.parse(readFileSync(path, "utf8")) as MeasuredChoices;
    assert.equal(kept.fuse, { muon: "gram" }, "only what was measured");
    assert.equal(kept.sizes, opened.model.sizes);
    writeFileSync(path, JSON.stringify({ ...stored({ muon: "gram" }), device }));
    assert.equal((await measuredFor(build))?.fuse, { muon: "gram" });
    assert.is(await measuredFor({ ...build, dtype: "f64" }), undefined);
    const built = mlac("build", "--target", "cpu");
    assert.is(built.code, 0, built.err);
    assert.match(built.err, "muon=gram");
    assert.match(mlac("build", "--target", "cpu").out, "up to date");
    writeFileSync(path, JSON.stringify({ ...stored({ muon: "plain" }), device }));
    const again = mlac("build", "--target", "cpu");
    assert.match(again.out, "built ");
    assert.match(again.err, "muon=plain");
    for (const damaged of ["", "null", "[]", '{"format":1}', JSON.stringify({ ...stored({ muon: "gram" }), device: "another" })]) {
      writeFileSync(path, damaged);
      assert.is(await measuredFor(build), undefined, damaged);
    }
  } finally {
    process.chdir(here);
  }
});

test("growth with a size, and what does not go", () => {
  const { scaling = [] } = bench("--scaling", "T=8,16");
  assert.equal(
    scaling.map(({ name }) => name),
    ["T"],
  );
  const [small, large] = scaling[0]!.points;
  assert.is(small!.tokens, 16);
  assert.ok(small!.measured!.step.median > 0 && large!.planBytes! > small!.planBytes!);
  for (const [given, slug] of [
    [["--scaling", "T"], "use/scaling"],
    [["--scaling", "T=8,x"], "use/scaling"],
    [["--scaling", "Q=8"], "use/set"],
    [["--only", "mun"], "use/fuse"],
    [["nowhere.ts"], "use/model"],
  ] as const) {
    const { code, out } = mlac("bench", "--target", "cpu", "--json", ...given);
    assert.is(code, 1, given.join(" "));
    assert.is((JSON.parse(out) as { diagnostics: { slug: string }[] }).diagnostics[0]!.slug, slug);
  }
});

test("the claims of speedrun, counted", async () => {
  const speedrun: BuildOptions = { ...build, model: join(root, "examples/speedrun/model.ts"), target: "cuda", dtype: "bf16" };
  const opened = await openBench({ build: speedrun, threads: 2, rounds: 3, quiet: 1, anew: false, make: notBuilt, note: () => undefined });
  const [cache, logits, launches, reduced, optimizers] = claims(opened);
  assert.equal(cache!.figures, { kept: 12 * (256 + 64 + 6), plain: 12 * 6 * (192 + 128), layers: 12 });
  assert.is(logits!.figures["logits"], 16 * 2048 * 131072 * 2);
  assert.ok(logits!.figures["saved"]! > 2 ** 32);
  assert.is(launches!.figures["grouped"], 11 * 9);
  assert.ok(launches!.times! > 10);
  assert.is(reduced!.times, 8);
  assert.ok(reduced!.figures["once"]! > 4 * 650e6 && reduced!.figures["once"]! < 4 * 670e6);
  assert.ok(optimizers!.times! > 1);
  const scatter = staticRows(opened, ["moeOut"]).find(({ choice }) => choice === "scatter");
  assert.is(scatter?.unordered, true);
});

test("without PyTorch, a sentence and exit code 2", () => {
  const { code, err } = mlac("bench", "--target", "cpu", "--against", "torch", "--python", "/no/such/python");
  assert.is(code, 2);
  assert.match(err, "tool/torch");
  assert.match(err, "pip install torch");
});

test("with PyTorch, the same model beside it", () => {
  try {
    findPython();
  } catch (error) {
    assert.instance(error, MlacError);
    return; // there is none here
  }
  const { torch } = bench("--against", "torch");
  assert.ok(torch!.compared.gradients < 1e-5, JSON.stringify(torch!.compared));
  assert.is(torch!.ratio.count, 3);
});

test.run();
