/** `mlac inspect` on the terminal: kernels, why, passes, memory, ops, differences; and names that try to be something else. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { compare } from "../compiler/inspect/atRef.js";
import { roofline } from "../compiler/inspect/ceilings.js";
import { findKernel, findOps } from "../compiler/inspect/find.js";
import { highlight } from "../compiler/inspect/highlight.js";
import { inspect } from "../compiler/inspect/index.js";
import type { Inspection } from "../compiler/inspect/inspection.js";
import { opTable } from "../compiler/inspect/opTable.js";
import { passDiffs, stagesOf } from "../compiler/inspect/passes.js";
import { why } from "../compiler/inspect/why.js";
import { ops } from "../compiler/ops/index.js";
import { root } from "../compiler/package.js";
import { bonds, reasons } from "../compiler/passes/decisions.js";
import type { Target } from "../compiler/target.js";
import { hostileModel, hostileName } from "./hostile.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("inspect");
const cli = fileURLToPath(new URL("../compiler/cli.js", import.meta.url));
const tiny = join(root, "examples/tiny/model.ts");
const options = (model: string, target: Target, fuse: Record<string, string> = {}) =>
  ({ model, target, dtype: target === "cpu" ? "f32" : "bf16", fuse, set: {} }) as const;
const inspections = new Map<Target, Inspection>();
for (const target of ["cpu", "cuda"] as const) inspections.set(target, await inspect(options(tiny, target)));
const cpu = inspections.get("cpu")!;
const cuda = inspections.get("cuda")!;

function mlac(given: string[], cwd = root): { code: number | null; out: string; err: string } {
  const env = { ...process.env, NO_COLOR: "1", CUDA_VISIBLE_DEVICES: "-1" };
  const { status, stdout, stderr } = spawnSync(process.execPath, [cli, "inspect", ...given], { cwd, env, encoding: "utf8" });
  return { code: status, out: stdout, err: stderr };
}

for (const [target, { kernels, ops: all, programs, memory }] of inspections) {
  test(`${target}: what a kernel moves is what its operands are, and each op of the model is in a kernel`, () => {
    for (const { name, inputs, outputs, bytesRead, bytesWritten, text, file } of kernels) {
      assert.is(
        bytesRead,
        inputs.reduce((n, { bytes }) => n + bytes, 0),
      );
      assert.is(
        bytesWritten,
        outputs.reduce((n, { bytes }) => n + bytes, 0),
      );
      assert.is(text, readFileSync(join(root, "generated/tiny", target, file), "utf8"), name);
    }
    for (const op of all) assert.ok(op.kernels.length > 0 || op.kind === "repeat", `${op.kind} of ${op.program}`);
  });

  test(`${target}: launches of kernels add up to those of the program, and a loop's count for each layer`, () => {
    const train = programs.find(({ name }) => name === "train")!;
    assert.is(
      kernels.reduce((n, { launches }) => n + launches, 0),
      train.launches,
    );
    const once = train.moments.filter(({ kernel }) => kernel !== undefined).length;
    assert.ok(train.launches > once, "three layers are three times a body");
    const latent = kernels.find(({ name }) => name.includes("attentionGrad"))!;
    assert.is(latent.launches, 4);
  });

  test(`${target}: buffers have writers and readers, and no moment uses more than there is`, () => {
    const passing = memory.buffers.filter(({ program, name }) => program !== undefined && name !== "workspace");
    assert.ok(passing.every(({ writers, readers }) => writers.length + readers.length > 0));
    for (const { bytes } of memory.used) assert.ok(Math.max(...bytes) <= memory.shared.bytes);
    assert.is(
      Object.values(memory.kinds).reduce((a, b) => a + b, 0),
      memory.total,
    );
    assert.ok(
      memory.lines.some(({ place }) => place === "model.ts:40"),
      "what loops keep is told from the line within",
    );
  });
}

test("every answer is from the closed list, as a sentence with the names of both", () => {
  for (const { decisions, ops: all } of inspections.values())
    for (const { joined, reason, sentence, first, second } of decisions) {
      assert.ok(Object.hasOwn(joined ? bonds : reasons, reason), reason);
      assert.not.match(sentence, /undefined|\[object/);
      assert.ok(all[first - 1]?.id === first && all[second - 1]?.id === second && first < second);
    }
});

test("docs/inspect.md has the closed list, in its order", () => {
  const rows = (heading: string): string[] => {
    const [, part = ""] = readFileSync(join(root, "docs/inspect.md"), "utf8").split(`| ${heading} | |`);
    return part
      .split("\n\n")[0]!
      .split("\n")
      .flatMap((row) => /^\| `(\w+)`/.exec(row)?.[1] ?? []);
  };
  assert.equal(rows("one kernel"), Object.keys(bonds));
  assert.equal(rows("two kernels"), Object.keys(reasons));
});

test("ops that are said to be one kernel are in one, and the others are not", () => {
  for (const { decisions, ops: all } of inspections.values())
    for (const { joined, first, second, reason } of decisions) {
      const [a, b] = [all[first - 1]!, all[second - 1]!];
      // An op that is computed inside of its users is in their kernels; which has none of its own.
      const together = a.kernels.some((name) => b.kernels.includes(name));
      if (joined) assert.ok(together, `${a.name} ${b.name} ${reason}`);
    }
});

test("why: one kernel, with the traffic that it saves", () => {
  const [answer] = why("moe.gate", "moe.up", cpu);
  assert.is(answer?.joined, true);
  assert.is(answer?.reason, "siblings");
  // The tokens' rows, which they share, are read once instead of twice.
  assert.ok((answer?.savedBytes ?? 0) > 0);
  const [swiglu] = why("ffn.gate", "swiglu", cpu);
  assert.equal([swiglu?.joined, swiglu?.reason], [true, "epilogue"]);
});

test("why: two kernels, with what one would save, to the byte", () => {
  const [own] = why("attention", "attn.out", cpu);
  assert.equal([own?.joined, own?.reason], [false, "own"]);
  // out is [B T H U] in float32, written once and read once; its backward pass reads it too, so that it stays written.
  assert.is(own?.savedBytes, 4 * 16 * 256 * 4 * 32);
  const [choice] = why("rmsnorm", "attn.q", cpu);
  assert.is(choice?.reason, "choice");
  assert.match(choice?.sentences[0] ?? "", "norm=own");
  assert.is(why("ffn.gate", "moe.gate", cpu)[0]?.reason, "loop");
});

test("why: with the other choice the answer is the other one", async () => {
  const fused = await inspect(options(tiny, "cpu", { norm: "fused" }));
  const norms = ({ decisions, ops: all }: Inspection): string[] =>
    decisions.filter(({ first, reason }) => all[first - 1]?.kind === "rmsnorm" && reason === "operand").map(({ sentence }) => sentence);
  assert.equal(norms(cpu), []);
  assert.ok(norms(fused).length > 0);
  assert.match(norms(fused)[0]!, "is computed while");
  assert.ok(cpu.decisions.some(({ sentence }) => sentence.includes("norm=own")));
  assert.not.ok(fused.decisions.some(({ sentence }) => sentence.includes("norm=own")));
});

test("ops are found by kind, result, parameter, line, number and kernel; what is unknown is asked about", async () => {
  const kinds = (text: string): string[] => [...new Set(findOps(text, cpu).map(({ kind }) => kind))];
  assert.equal(kinds("rmsnorm"), ["rmsnorm"]);
  assert.equal(kinds("latent"), ["rmsnorm"]);
  assert.ok(kinds("attn.kvDown").includes("linear"));
  assert.ok(findOps("model.ts:22", cpu).every(({ places }) => places.some(({ line }) => line === 22)));
  assert.ok(findOps("linear@22", cpu).length < findOps("linear", cpu).length);
  assert.is(findOps("@5", cpu)[0]?.id, 5);
  assert.ok(findOps("fwd_10_attention", cpu).every(({ kind }) => kind === "attention"));
  await failsWith(() => findOps("atention", cpu), "use/op", "atention");
});

test("a kernel is found by a beginning or a part of its name, where no other has it", async () => {
  assert.is(findKernel("fwd_10", cpu.kernels).name, "fwd_10_attention");
  assert.is(findKernel("lookupGrad", cpu.kernels).kinds[0], "lookupGrad");
  await failsWith(() => findKernel("rmsnorm", cpu.kernels), "use/kernel", "kernels have");
  await failsWith(() => findKernel("fwd_10_attentoin", cpu.kernels), "use/kernel", "no kernel");
});

test("the roofline takes the larger of two times, and says which", () => {
  const ceilings = { machine: "a", flopsPerSecond: 1e12, bytesPerSecond: 1e12 };
  assert.equal(roofline({ flops: 2e9, bytes: 1e9 }, ceilings), { predicted: 2, bound: "math" });
  assert.equal(roofline({ flops: 1e9, bytes: 3e9 }, ceilings), { predicted: 3, bound: "memory" });
});

test("stored times are taken by the kernel's name; predicted ones are less, but for what caches hold", async () => {
  const speedrun = join(root, "examples/speedrun/model.ts");
  const measured = join(root, "bench/results/h200/speedrun.json");
  const inspection = await inspect({ ...options(speedrun, "cuda"), times: measured });
  assert.match(inspection.measured?.machine ?? "", "H200");
  const known = inspection.kernels.filter((kernel) => kernel.measured !== undefined);
  assert.ok(known.length > 40);
  const products = known.filter(({ form, bound }) => form === "contraction" && bound === "math");
  assert.ok(products.length > 10 && products.every((kernel) => kernel.predicted! < kernel.measured!));
  await failsWith(() => inspect({ ...options(speedrun, "cuda"), times: "none.json" }), "use/measured", "none.json");
  const file = join(temporaryFolder(), "x.json");
  writeFileSync(file, '{"kernels":[{"name":5}]}');
  await failsWith(() => inspect({ ...options(speedrun, "cuda"), times: file }), "use/measured", "no kernels with times");
});

test("what mlac bench wrote is found where it was written, if it is of these sizes, with the ceilings of its machine", () => {
  const folder = temporaryFolder();
  const place = join(folder, "generated/tiny/bench");
  mkdirSync(place, { recursive: true });
  const bench = {
    ...{ format: 1, target: "cpu", dtype: "f32", device: "a <processor>", date: "2026-11-24", sizes: cpu.sizes },
    ceilings: { flops: 1e11, bytes: 1e10 },
    kernels: { fuse: cpu.fuse, rows: [{ name: "fwd_10_attention", milliseconds: 12.5 }] },
  };
  const write = (data: object): void => writeFileSync(join(place, "bench.json"), JSON.stringify(data));
  const timesNow = (): (number | undefined)[] => {
    const { kernels } = JSON.parse(mlac([tiny, "--target", "cpu", "--json"], folder).out) as Inspection;
    const { measured, predicted } = kernels.find(({ name }) => name === "fwd_10_attention")!;
    return [measured, predicted];
  };
  write(bench);
  const [measured, predicted = 0] = timesNow();
  const { flops, launches } = cpu.kernels.find(({ name }) => name === "fwd_10_attention")!;
  assert.is(measured, 12.5);
  assert.ok(Math.abs(predicted - (1000 * flops * launches) / 1e11) < 1e-9);
  assert.match(mlac([tiny, "--target", "cpu"], folder).out, "100 GFLOP/s and 10 GB/s, the ceilings of a <processor>");
  write({ ...bench, sizes: { ...cpu.sizes, B: 3 } });
  assert.equal(timesNow(), [undefined, undefined]);
  writeFileSync(join(place, "bench.json"), "{");
  assert.equal(timesNow(), [undefined, undefined]);
  writeFileSync(join(place, "bench-kernels.json"), JSON.stringify(bench));
  assert.is(timesNow()[0], 12.5);
});

test("registers and spills come from a build whose kernel is this one", async () => {
  const out = temporaryFolder();
  const log = (spills: number): string =>
    `ptxas info : Compiling entry function 'k' for 'sm_90a'\nptxas info : Function properties for k\n    0 bytes stack frame, ${spills} bytes spill stores, 0 bytes spill loads\nptxas info : Used 97 registers, 4096 bytes smem, 400 bytes cmem[0]\n`;
  const [kernel, other] = cuda.kernels as [Inspection["kernels"][number], Inspection["kernels"][number]];
  mkdirSync(join(out, "kernels"));
  mkdirSync(join(out, "objects"));
  const hash = "0123456789abcdef01234567";
  writeFileSync(join(out, kernel.file), kernel.text);
  writeFileSync(join(out, other.file), `${other.text}\n// another one`);
  const product = cuda.kernels.find(({ text }) => text.includes('"../lib/contract.cuh"'))!;
  writeFileSync(join(out, product.file), product.text);
  for (const { name } of [kernel, other, product]) writeFileSync(join(out, "objects", `${name}-${hash}.o.ptxas.txt`), log(8));
  const { kernels } = await inspect({ ...options(tiny, "cuda"), out });
  const resources = { registers: 97, sharedBytes: 4096, sharedAtLaunch: false, spillBytes: 8 };
  assert.equal(kernels[0]?.resources, resources);
  assert.equal(kernels.find(({ name }) => name === product.name)?.resources, { ...resources, sharedAtLaunch: true });
  assert.is(kernels[1]?.resources, undefined);
});

test("every pass has a graph; a diff shows what it changes and nothing else", async () => {
  const stages = await stagesOf(options(tiny, "cpu"), "train");
  assert.is(stages[0]?.pass, "lowered");
  const [differentiate] = passDiffs(stages, "differentiate");
  assert.match(differentiate?.diff ?? "", /^\+.*linearGradX/m);
  // The one op that is another afterwards keeps what the backward pass needs.
  const gone = (differentiate?.diff ?? "").split("\n").filter((line) => /^-[^-]/.test(line));
  assert.ok(gone.length < 5, gone.join("\n"));
  assert.is(passDiffs(stages, "simplify").length, 3);
  await failsWith(() => passDiffs(stages, "differentiat"), "use/pass", "differentiat");
});

test("the table of ops has them all, with gradients that are ops and costs", () => {
  const rows = opTable();
  assert.equal(
    rows.map(({ name }) => name),
    [...ops.keys()],
  );
  for (const { gradient } of rows) assert.ok(gradient.every((kind) => kind === "dy" || ops.has(kind)));
  assert.equal(rows[0]?.gradient, ["linearGradX", "linearGradW"]);
  assert.is(rows[0]?.cost, "2 · m · n · k");
  assert.ok(rows.every(({ cost }) => cost !== "" && !cost.includes("NaN")));
});

test("kernels are compared by their code, not by their number or the lines that they quote", () => {
  const kernel = (name: string, line: number, code: string): { name: string; text: string } => ({
    name,
    text: `// ${name}: add. Emitted by mlac\n// model.ts:${line}\nvoid ${name}() { ${code} }\n`,
  });
  const then = [kernel("fwd_01_a", 1, "x"), kernel("fwd_02_b", 2, "y"), kernel("fwd_03_c", 3, "z")];
  const now = [kernel("fwd_01_b", 7, "y"), kernel("fwd_02_c", 8, "w"), kernel("fwd_03_d", 9, "v")];
  const { changes, same } = compare(then, now);
  assert.is(same, 1);
  assert.equal(
    changes.map(({ is, name, before }) => [is, name, before]),
    [
      ["changed", "fwd_02_c", "fwd_03_c"],
      ["added", "fwd_03_d", undefined],
      ["removed", "fwd_01_a", undefined],
    ],
  );
});

test("colours leave the text as it is", () => {
  for (const { text } of cuda.kernels)
    assert.is(
      highlight(text)
        .map((run) => run.text)
        .join(""),
      text,
    );
  const kinds = new Map(highlight('#include "a.h"\nint x = 12; // "no"\n').map(({ kind, text }) => [text.trim(), kind]));
  assert.equal(
    [kinds.get('#include "a.h"'), kinds.get("int"), kinds.get("12"), kinds.get('// "no"')],
    ["directive", "type", "number", "comment"],
  );
});

test("lite takes less than three seconds of a processor", async () => {
  const before = process.cpuUsage();
  await inspect(options(join(root, "examples/lite/model.ts"), "cuda"));
  const { user, system } = process.cpuUsage(before);
  assert.ok(user + system < 3e6, `${(user + system) / 1000} ms`);
});

test("the commands: a table, parts of it, and --json", () => {
  const lite = mlac(["examples/lite/model.ts", "--target", "cuda", "--measured", "bench/results/h200/lite.json"]);
  assert.is(lite.code, 0, lite.err);
  assert.match(lite.out, /^bwd_24_attentionGrad +mlac\/blocks\/mla\.ts:36 +9 /m);
  assert.match(lite.out, /^weights +[\d,]+/m);
  const answer = JSON.parse(mlac(["why", "gate", "up", "examples/tiny/model.ts", "--target", "cuda", "--json"]).out) as {
    ok: boolean;
    answers: { joined: boolean }[];
  };
  assert.equal([answer.ok, answer.answers[0]?.joined], [true, true]);
  assert.match(mlac(["kernel", "fwd_10", "examples/tiny/model.ts"]).out, /^\/\/ fwd_10_attention: attention/);
  assert.match(mlac(["memory", "examples/tiny/model.ts"]).out, /the most$/m);
  assert.match(mlac(["ops"]).out, /^rmsnorm +rowwise/m);
});

test("--html writes the page where it is told to, and says where", () => {
  const file = join(temporaryFolder(), "pages", "tiny.html");
  const { code, out, err } = mlac(["examples/tiny/model.ts", "--html", file]);
  assert.equal([code, out, err], [0, `${file}\n`, "open it in a browser; it needs no network\n"]);
  assert.match(readFileSync(file, "utf8"), /^<!doctype html>/);
  const taken = mlac(["examples/tiny/model.ts", "--html", join(file, "below")]);
  assert.is(taken.code, 1);
  assert.match(taken.err, "cannot be written: a part of the path is not a folder");
  assert.match(mlac(["examples/tiny/model.ts", "--html", join(file, "further", "below")]).err, "a part of the path is not a folder");
});

const git = (folder: string, ...given: string[]): void => {
  const { status, stderr } = spawnSync("git", ["-c", "user.name=a", "-c", "user.email=a@example.org", ...given], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.is(status, 0, stderr);
};

test("names that are markup or escape codes are text, on a terminal and in JSON", () => {
  const folder = hostileModel();
  for (const given of [
    ["model.ts"],
    ["kernel", "fwd_02", "model.ts"],
    ["why", "rmsnorm", "lookup", "model.ts"],
    ["passes", "model.ts"],
    ["passes", "--diff", "differentiate", "model.ts"],
    ["memory", "model.ts"],
  ]) {
    const { code, out, err } = mlac(given, folder);
    assert.is(code, 0, err);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
    assert.not.match(out, /[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e]/, given.join(" "));
    if (given[0] === "kernel" || given[0] === "memory") continue; // as JSON they are parts of the first
    const json = mlac([...given, "--json"], folder).out;
    assert.is((JSON.parse(json) as { ok: boolean }).ok, true);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the same
    assert.not.match(json, /[\x00-\x08\x0b-\x1f\x7f]/);
  }
  assert.match(mlac(["model.ts"], folder).out, `${hostileName}/norm.ts:2`);
});

test("diff: a model's kernels against a commit, its imports as they were there", () => {
  const folder = hostileModel();
  git(folder, "init", "-q");
  git(folder, "add", ".");
  git(folder, "commit", "-q", "-m", "first");
  const file = join(folder, hostileName, "norm.ts");
  writeFileSync(file, `// a line more\n${readFileSync(file, "utf8")}`);
  assert.match(mlac(["diff", "HEAD", "model.ts"], folder).out, /^all \d+ kernels are as they are at HEAD/);
  writeFileSync(file, readFileSync(file, "utf8").replace("rmsnorm(x, gain)", "rmsnorm(x, gain, { eps: 1e-3 })"));
  const { code, out, err } = mlac(["diff", "HEAD", "model.ts"], folder);
  assert.is(code, 0, err);
  assert.match(out, /^~ fwd_02_rmsnorm$/m);
  assert.match(mlac(["diff", "HEAD", "model.ts", "--full"], folder).out, /^\+.*0\.001/m);
  assert.match(mlac(["diff", "no-such-ref", "model.ts"], folder).err, "use/git");
  assert.match(mlac(["diff", "--upload-pack=x", "model.ts"], folder).err, "use/");
});

test.run();
