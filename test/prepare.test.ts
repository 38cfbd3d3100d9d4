import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { brownText } from "../runtime/brown.js";
import { brownDocuments, brownShards, isValidation } from "../runtime/corpus.js";
import { documentsOf, type Piece } from "../runtime/documents.js";
import { expandPaths } from "../runtime/paths.js";
import { type Prepared, type PrepareOptions, prepareData } from "../runtime/prepare.js";
import { openShard } from "../runtime/shards.js";
import { byteTokenizer, openTokenizer } from "../runtime/tokenizers.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("prepare");

function put(folder: string, files: Readonly<Record<string, string | Uint8Array>>): string {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return folder;
}

/** The shards' tokens as text, the end-of-text byte as |. */
function textOf(shards: readonly { path: string }[]): string {
  return shards
    .map(({ path }) => {
      const shard = openShard(path);
      const ids = new Int32Array(shard.tokens);
      shard.read(0, shard.tokens, ids);
      shard.close();
      return byteTokenizer.decode(ids).replaceAll("\0", "|");
    })
    .join("");
}

const prepare = (inputs: string | string[], out: string, more: Partial<PrepareOptions> = {}): Promise<Prepared> =>
  prepareData({ inputs, out, tokenizer: byteTokenizer, ...more });
const jsonl = (count: number): string => Array.from({ length: count }, (_, i) => `${JSON.stringify({ id: i, text: `d${i}.` })}\n`).join("");

async function piecesOf(path: string): Promise<Piece[]> {
  const pieces: Piece[] = [];
  for await (const piece of documentsOf(path)) pieces.push(piece);
  return pieces;
}

test("lines of .jsonl are documents, every 20th of them for validation", async () => {
  const folder = put(temporaryFolder(), { "in/a.jsonl": jsonl(40), "in/b.txt": "B\n", "in/c.md": "not this" });
  const seen: number[] = [];
  const prepared = await prepare(join(folder, "in"), join(folder, "out"), {
    name: "x",
    progress: ({ bytes, totalBytes }) => seen.push(bytes / totalBytes),
  });
  assert.is(textOf(prepared.validation), "|d9.|d29.");
  const expected = [
    ...Array.from({ length: 40 }, (_, i) => i)
      .filter((i) => i !== 9 && i !== 29)
      .map((i) => `|d${i}.`),
    "|B\n",
  ].join("");
  assert.is(textOf(prepared.train), expected);
  assert.equal(prepared.documents, { train: 39, validation: 2 });
  assert.equal(prepared.tokens, { train: expected.length, validation: 9 });
  assert.equal(readdirSync(join(folder, "out")).sort(), ["x_train_000000.bin", "x_val_000000.bin"]);
  assert.is(seen.length, 41);
  assert.ok(seen.every((share, i) => share >= (seen[i - 1] ?? 0)) && seen.at(-1) === 1, "progress goes up to the end");
});

test("a single text is split near its end, at a line", async () => {
  const lines = Array.from({ length: 200 }, (_, i) => `line ${i}\n`).join("");
  const folder = put(temporaryFolder(), { "a.txt": lines });
  const { train, validation } = await prepare(join(folder, "a.txt"), folder, { validation: 0.1 });
  const [first, second] = [textOf(train), textOf(validation)];
  assert.is(first.slice(1) + second.slice(1), lines);
  assert.match(second, /^\|line \d+\n/);
  assert.ok(Math.abs(second.length / lines.length - 0.1) < 0.01, `${second.length} of ${lines.length}`);
});

test("validation can be files of its own, or none", async () => {
  const folder = put(temporaryFolder(), { "a.txt": "A", "b.txt": "B" });
  const own = await prepare(join(folder, "*.txt"), join(folder, "1"), { validation: { files: join(folder, "b.txt") } });
  assert.equal([textOf(own.train), textOf(own.validation)], ["|A", "|B"]);
  const none = await prepare(join(folder, "*.txt"), join(folder, "2"), { validation: 0 });
  assert.equal([textOf(none.train), none.validation], ["|A|B", []]);
  await failsWith(() => prepare(join(folder, "*.txt"), join(folder, "3")), "data/validation", "none of the 2 documents");
});

test("documents go on from shard to shard, and their ids get the width they need", async () => {
  const folder = put(temporaryFolder(), { "a.jsonl": jsonl(30) });
  const { train } = await prepare(join(folder, "a.jsonl"), folder, { shardTokens: 50, validation: 0 });
  assert.equal(
    train.map(({ tokens }) => tokens),
    [50, 50, 40],
  );
  assert.is(textOf(train), Array.from({ length: 30 }, (_, i) => `|d${i}.`).join(""));
  const wide = { ...byteTokenizer, vocabulary: 70_000, endOfText: 69_999 };
  const { train: shards } = await prepare(join(folder, "a.jsonl"), folder, { name: "wide", tokenizer: wide, validation: 0 });
  const shard = openShard(shards[0]?.path ?? "");
  const ids = new Int32Array(2);
  shard.read(0, 2, ids);
  assert.equal([shard.width, ...ids], [4, 69_999, 100]);
  shard.close();
});

test("shards that are there are replaced only on request, and then all of them", async () => {
  const folder = put(temporaryFolder(), { "a.jsonl": jsonl(30) });
  await prepare(join(folder, "a.jsonl"), folder, { shardTokens: 50, validation: 0 });
  await failsWith(() => prepare(join(folder, "a.jsonl"), folder), "data/exists", "data_train_000000.bin and 2 more");
  await prepare(join(folder, "a.jsonl"), folder, { name: "data_train", validation: 0 });
  await prepare(join(folder, "a.jsonl"), folder, { shardTokens: 100, overwrite: true, validation: 0 });
  assert.equal(readdirSync(folder).sort(), ["a.jsonl", "data_train_000000.bin", "data_train_000001.bin", "data_train_train_000000.bin"]);
});

test("a bad input leaves the shards that are there", async () => {
  const folder = put(temporaryFolder(), { "a.jsonl": jsonl(30), "bad.jsonl": `${jsonl(3)}{"text": 5}\n` });
  await prepare(join(folder, "a.jsonl"), join(folder, "out"), { validation: 0 });
  const before = readFileSync(join(folder, "out/data_train_000000.bin"));
  await failsWith(
    () => prepare(join(folder, "bad.jsonl"), join(folder, "out"), { overwrite: true }),
    "data/field",
    'bad.jsonl:4 has no text in the field "text"',
  );
  assert.equal(readdirSync(join(folder, "out")), ["data_train_000000.bin"]);
  assert.equal(readFileSync(join(folder, "out/data_train_000000.bin")), before);
});

test("inputs that cannot be used are refused with their place", async () => {
  const folder = put(temporaryFolder(), {
    "json.jsonl": '{"text":"a"}\n{"text":\n',
    "latin.txt": Uint8Array.of(0x61, 0xe9, 0x62),
    "cut.txt": Uint8Array.of(0x61, 0xc3),
    "list.jsonl": "[1]\n",
    "a.parquet": "PAR1",
    "empty.txt": "",
  });
  const out = join(folder, "out");
  await failsWith(() => prepare(join(folder, "json.jsonl"), out), "data/format", "json.jsonl:2 is not JSON");
  await failsWith(() => prepare(join(folder, "latin.txt"), out), "data/encoding", "latin.txt is not UTF-8");
  await failsWith(() => prepare(join(folder, "cut.txt"), out), "data/encoding", "cut.txt is not UTF-8");
  await failsWith(() => prepare(join(folder, "list.jsonl"), out), "data/field", "list.jsonl:1");
  await failsWith(() => prepare(join(folder, "a.parquet"), out), "data/format", "a.parquet is not a .txt or .jsonl file");
  await failsWith(() => prepare(join(folder, "empty.txt"), out), "data/files", "no text to train on");
  await failsWith(() => prepare(join(folder, "none-*.txt"), out), "data/files", "names no file");
  await failsWith(() => prepare(join(folder, "latin.txt"), out, { name: "../x" }), "data/name", "../x");
  await failsWith(() => prepare(join(folder, "latin.txt"), out, { validation: 1 }), "data/validation", "is 1; it must be");
});

test("a long text comes in pieces that tokenize as the whole does", async () => {
  const gpt2 = await openTokenizer("gpt2");
  // Most line breaks are beside white space, where a cut would change the tokens.
  const paragraph = `${"Some words, a number 12345\n\nand naïve 🙂 ones.\n\n".repeat(40)}Here\nit goes on. `;
  const text = `\ufeff${paragraph.repeat(1300)}`;
  const folder = put(temporaryFolder(), { "long.txt": text, "other.jsonl": `\ufeff${JSON.stringify({ text })}` });
  const pieces = await piecesOf(join(folder, "long.txt"));
  assert.ok(pieces.length > 1, `${pieces.length} pieces`);
  assert.equal(
    pieces.map(({ first }) => first),
    pieces.map((_, i) => i === 0),
  );
  assert.is(pieces.map((piece) => piece.text).join(""), text.slice(1));
  const around = pieces.slice(1).map(({ text: next }, i) => [pieces[i]?.text.slice(-500) ?? "", next.slice(0, 500)] as const);
  for (const [before, after] of around) assert.equal([...gpt2.encode(before), ...gpt2.encode(after)], [...gpt2.encode(before + after)]);
  assert.is((await piecesOf(join(folder, "other.jsonl")))[0]?.text, text);
});

test("patterns name files in a fixed order", async () => {
  const folder = put(temporaryFolder(), {
    "b/2.bin": "",
    "b/10.bin": "",
    "a/1.bin": "",
    "a/deep/3.bin": "",
    "a/x.txt": "",
    "odd*.bin": "",
    "oddly.bin": "",
  });
  const found = (patterns: string | string[]): string[] =>
    expandPaths(patterns, [".bin"], folder).map((path) => path.slice(folder.length + 1));
  assert.equal(found("b/*.bin"), ["b/10.bin", "b/2.bin"]);
  assert.equal(found("b/?.bin"), ["b/2.bin"]);
  assert.equal(found("*/1*.bin"), ["a/1.bin", "b/10.bin"]);
  assert.equal(found("a/**/*.bin"), ["a/1.bin", "a/deep/3.bin"]);
  assert.equal(found(["b/2.bin", "a", "b/*"]), ["b/2.bin", "a/1.bin", "b/10.bin"]);
  assert.equal(found("odd*.bin"), ["odd*.bin"]);
  assert.equal(found(join(folder, "a/1.bin")), ["a/1.bin"]);
  await failsWith(() => found("c/*.bin"), "data/files", '"c/*.bin" names no file');
  await failsWith(() => found(["b/*.bin", "missing.bin"]), "data/files", '"missing.bin" names no file');
});

test("brownText undoes the tags and the spacing of a corpus file", () => {
  const source = [
    "\n\n\tThe/at jury/nn ,/, ``/`` in/in term-end/nn ''/'' ,/, said/vbd (/( on/in Jan./np 1/cd )/) it/pps was/bedz 48''/nns ''/'' long/jj ./.\n",
    "``/`` Why/wrb ''/'' ?/. ?/.\nHe/pps saw/vbd U.S./np 1960/cd -/in 61/cd ;/. ;/.\nand/or/cc 43*0C./nn of/in **yg-rays/nns ,/, Af/nn ./.\n",
    "\n\nWards/nns-hl protected/vbn-hl \nHe/pps said/vbd ,/, '/' Stop/vb '/' !/. !/.\n",
  ].join("");
  assert.is(
    brownText(source),
    'The jury, "in term-end," said (on Jan. 1) it was 48" long. "Why?" He saw U.S. 1960-61; and/or 43°C. of γ-rays, [formula].' +
      "\n\nWards protected\n\nHe said, 'Stop!'",
  );
});

test("the Brown corpus becomes shards once, a part of it for validation", async () => {
  const documents: string[] = [];
  for await (const { text } of brownDocuments()) documents.push(text);
  assert.is(documents.length, 500);
  assert.is(documents.filter((_, i) => isValidation(i)).length, 25);
  const tagged = documents.filter((text) => /``|''|\/(nn|at|vb)\b/.test(text));
  assert.equal(tagged, []);
  const folder = temporaryFolder();
  const { train, validation } = await brownShards(folder, byteTokenizer);
  const expected = (part: boolean): string =>
    documents
      .filter((_, i) => isValidation(i) === part)
      .map((text) => `|${text}`)
      .join("");
  const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
  assert.is(hash(textOf(train.map((path) => ({ path })))), hash(expected(false)));
  assert.is(hash(textOf(validation.map((path) => ({ path })))), hash(expected(true)));
  // A damaged shard is made again, a good one is kept.
  const start = performance.now();
  assert.equal(await brownShards(folder, byteTokenizer), { train, validation });
  assert.ok(performance.now() - start < 100);
  const good = readFileSync(train[0] ?? "");
  writeFileSync(train[0] ?? "", good.subarray(0, 2000));
  await brownShards(folder, byteTokenizer);
  assert.is(Buffer.compare(readFileSync(train[0] ?? ""), good), 0);
  assert.equal(readdirSync(folder), [basename(join(train[0] ?? "", ".."))]);
});

test.run();
