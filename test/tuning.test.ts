/** The measured choices of a CUDA build: their file, when it holds, and the emitted code that they are for. No GPU is needed. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { emitAll } from "../compiler/compile.js";
import { root } from "../compiler/package.js";
import {
  buildHash,
  type ChoiceTable,
  choiceLines,
  choicesPath,
  describeGain,
  type Machine,
  parseMeasured,
  readChoices,
  Tuning,
  tuningWanted,
  writeChoices,
} from "../runtime/tuning.js";
import { temporaryFolder } from "./temporary.js";

const machine: Machine = { build: "b1", gpu: "NVIDIA H200", driver: "580.65.06", cublasLt: 130002 };
const lines =
  "fwd_03_linear\tcublaslt\tautomatic=1.50000\twide=2.00000\tcublaslt=1.00000\nbwd_01_linearGradX_add\tautomatic\tautomatic=0.25000\n";
const table: ChoiceTable = { format: 1, ...machine, kernels: parseMeasured(lines) };
const sizes = { batch: 2, length: 8, vocabulary: 16 };

test("what is measured is read: kernels, the way of each, milliseconds by way", () => {
  assert.equal(table.kernels, [
    { kernel: "fwd_03_linear", chosen: "cublaslt", milliseconds: { automatic: 1.5, wide: 2, cublaslt: 1 } },
    { kernel: "bwd_01_linearGradX_add", chosen: "automatic", milliseconds: { automatic: 0.25 } },
  ]);
  assert.is(choiceLines(table), "fwd_03_linear\tcublaslt\nbwd_01_linearGradX_add\tautomatic\n");
  assert.match(describeGain(table.kernels), /^1 of 2 matrix products .* 0\.50 ms less/);
});

test("a table is kept as it is, a line a kernel, and holds for the same build, GPU, driver and cuBLASLt only", async () => {
  const path = choicesPath(join(temporaryFolder(), "model.so"), machine.gpu);
  assert.match(path, /choices\.NVIDIA-H200\.json$/);
  assert.is(readChoices(path, machine), undefined);
  await writeChoices(path, table);
  assert.equal(readChoices(path, machine), table);
  assert.is(readFileSync(path, "utf8").match(/^ {2}\{"kernel"/gm)?.length, 2);
  const others: Partial<Machine>[] = [{ build: "b2" }, { gpu: "NVIDIA H100" }, { driver: "590.1" }, { cublasLt: 0 }];
  for (const other of others) assert.is(readChoices(path, { ...machine, ...other }), undefined);
});

test("a damaged table is none", async () => {
  const path = join(temporaryFolder(), "choices.x.json");
  await writeChoices(path, table);
  const text = readFileSync(path, "utf8");
  for (const damaged of [
    text.slice(0, -10),
    text.replace('"format": 1', '"format": 2'),
    text.replace('"kernel":', '"colonel":'),
    "[]",
    "null",
  ]) {
    writeFileSync(path, damaged);
    assert.is(readChoices(path, machine), undefined);
  }
});

test("a session measures where nothing is stored, and the next one takes that; another build measures anew", async () => {
  const folder = temporaryFolder();
  const library = join(folder, "model.so");
  writeFileSync(join(folder, "manifest.json"), "{}");
  const open = async (): Promise<{ set: string[]; tuned: number }> => {
    const did = { set: [] as string[], tuned: 0 };
    const device = {
      device: () => "NVIDIA H200",
      cublasLt: () => 130002,
      tune: (tokens: Int32Array) => {
        did.tuned += 1;
        assert.is(tokens.length, 16);
        assert.ok(tokens.every((id) => id >= 0 && id < 16));
        return lines;
      },
      setChoices: (text: string) => void did.set.push(text),
    };
    const tuning = await Tuning.open(device, library);
    await tuning.measure(sizes, () => {});
    assert.equal(tuning.table?.kernels, table.kernels);
    return did;
  };
  assert.equal(await open(), { set: [], tuned: 1 });
  assert.equal(await open(), { set: [choiceLines(table)], tuned: 0 });
  const before = buildHash(library);
  writeFileSync(join(folder, "manifest.json"), "{ }");
  assert.is.not(buildHash(library), before);
  assert.equal(await open(), { set: [], tuned: 1 });
});

test("MLAC_TUNE=0 turns it off", () => {
  assert.ok(tuningWanted({}));
  assert.not(tuningWanted({ MLAC_TUNE: "0" }));
});

const emitted = await emitAll({ model: join(root, "examples/tiny/model.ts"), target: "cuda", dtype: "bf16", fuse: {}, set: {} });
const contractions = emitted.kernels.filter(({ text }) => /^Choice choice\(/m.test(text));

test("every contraction kernel but those of whole rows has a choice of its own name, and only bare ones can go to cuBLASLt", () => {
  const ofRows = emitted.kernels.filter(({ text }) => /static constexpr int ROW = /.test(text)).length; // one tile's width is theirs
  assert.ok(ofRows > 0);
  assert.is(contractions.length + ofRows, emitted.manifest.kernels.filter((k) => k.form === "contraction").length);
  for (const { name, text, params } of contractions) {
    const [, of, bare] = /^Choice choice\("(\w+)", ways_of<Shape>\(.+, (true|false)\)\);$/m.exec(text) ?? [];
    assert.is(of, name);
    assert.is(bare === "true", /contract<Shape>\(stream, extent, products, epilogue, choice, bare\)/.test(text), name);
    assert.is(bare === "true", params.includes("char* workspace"), name);
    const ops = emitted.manifest.kernels.find((k) => k.name === name)!.ops;
    // Bare: products alone. A gathered operand, an addition or an activation is more than that.
    if (bare === "true") assert.ok(ops.every((op) => /^linear(GradX|GradW)?$/.test(op)) && text.includes("Kind::dense"), `${name}: ${ops}`);
  }
});

test("a gradient's bare product is added to what is there, an activation's is not; two sums are two products", () => {
  const bares = contractions.flatMap(({ text }) => [
    ...text.matchAll(/const Bare<(\w+), (\d)> bare\{\{([^}]+)\}, (\w+), workspace, (\d+)\}/g),
  ]);
  assert.ok(bares.length > 10);
  for (const [text, type, sums, to, adds, bytes] of bares) {
    assert.ok(adds === "false" || type === "float", text);
    assert.is(to!.split(", ").length, Number(sums), text);
    assert.ok(Number(bytes) > 0 && Number(bytes) <= 32 * 2 ** 20, text);
  }
  assert.ok(bares.some(([, , sums]) => sums === "2"));
});

test.run();
