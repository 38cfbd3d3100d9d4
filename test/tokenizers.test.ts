import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { TextStream } from "../runtime/textStream.js";
import { ByteCounter, byteTokenizer, openTokenizer } from "../runtime/tokenizers.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("tokenizers");
const texts = [
  "",
  "Hello world",
  "naïve café — 日本語 🙂\n\n\tend",
  "a\u0000b",
  "  spaces   and\r\nlines",
  "<|endoftext|>",
  "don't 1234567 !!!",
];

test("byte: UTF-8, there and back", async () => {
  const byte = await openTokenizer("byte");
  assert.equal([byte.name, byte.vocabulary, byte.endOfText], ["byte", 256, 0]);
  assert.equal([...byte.encode("é!")], [0xc3, 0xa9, 0x21]);
  for (const text of texts) assert.is(byte.decode(byte.encode(text)), text);
  assert.is(byte.decode(byte.encode("\ufeffx")), "\ufeffx");
});

test("byte: what is not UTF-8 becomes U+FFFD", () => {
  assert.is(byteTokenizer.decode([0x61, 0xc3, 0x62]), "a\ufffdb");
  assert.is(byteTokenizer.decode([0xff, 0x61, 300]), "\ufffda\ufffd");
  assert.is(byteTokenizer.decode(Int32Array.of(0xf0, 0x9f, 0x99)), "\ufffd");
});

test("gpt2: the ids of OpenAI's r50k_base, there and back", async () => {
  const gpt2 = await openTokenizer("gpt2");
  assert.equal([gpt2.name, gpt2.vocabulary, gpt2.endOfText], ["gpt2", 50257, 50256]);
  assert.equal([...gpt2.encode("Hello world")], [15496, 995]);
  assert.equal([...gpt2.encode("The quick brown fox")], [464, 2068, 7586, 21831]);
  for (const text of texts) assert.is(gpt2.decode(gpt2.encode(text)), text);
  assert.ok(!gpt2.encode("a <|endoftext|> b").includes(50256), "a text cannot end itself");
  assert.is(gpt2.decode([50256]), "<|endoftext|>");
  assert.is(gpt2.decode([15496, 50257, 99999, 995]), "Hello\ufffd\ufffd world");
  assert.is(gpt2.decode([252]), "\ufffd");
});

test("gpt2: a word without end takes no endless time, and comes back whole", async () => {
  const gpt2 = await openTokenizer("gpt2");
  const word = `${"abcdefghijklmnopqrstuvwxy".repeat(3000)}🙂`.repeat(2);
  const start = performance.now();
  assert.is(gpt2.decode(gpt2.encode(`a ${word} b`)), `a ${word} b`);
  assert.ok(performance.now() - start < 5000);
});

test("byteLengths add up to the bytes of the text", async () => {
  const text = "naïve café — 日本語 🙂 don't stop. 12345\n";
  for (const tokenizer of [
    await openTokenizer("byte"),
    await openTokenizer("gpt2"),
    await openTokenizer(byteLevelFile()),
    await openTokenizer(sentencePieceFile()),
  ]) {
    const lengths = tokenizer.byteLengths();
    assert.is(lengths.length, tokenizer.vocabulary);
    const known = tokenizer.name.startsWith("tokenizer") ? "low lower\n" : text;
    const sum = [...tokenizer.encode(known)].reduce((total, id) => total + (lengths[id] ?? 0), 0);
    // SentencePiece puts a space in front of a text.
    assert.is(sum, Buffer.byteLength(known) + (tokenizer.name.startsWith("tokenizer-sp") ? 1 : 0), tokenizer.name);
    if (tokenizer.endOfText !== undefined) assert.is(lengths[tokenizer.endOfText], 0);
  }
});

test("text as it comes is the text of all tokens, and what a token costs does not grow with it", async () => {
  const text = "naïve café — 日本語 🙂 low lower\n".repeat(40);
  for (const name of ["byte", "gpt2", byteLevelFile(), sentencePieceFile()]) {
    const tokenizer = await openTokenizer(name);
    // Its last character is cut, and it ends in bytes that are none of a text.
    const ids = [...[...tokenizer.encode(text)].slice(0, -2), ...tokenizer.encode("日").slice(0, 2)];
    let decoded = 0;
    const decode = (some: ArrayLike<number>): string => {
      decoded += some.length;
      return tokenizer.decode(some);
    };
    let shown = "";
    const stream = new TextStream({ ...tokenizer, decode }, ["no such text"], (part) => {
      shown += part;
    });
    for (const id of ids) stream.add(id);
    assert.is(stream.finish(), tokenizer.decode(ids), name);
    assert.is(shown, tokenizer.decode(ids), name);
    assert.ok(decoded < 12 * ids.length, `${name}: ${decoded} tokens decoded for ${ids.length}`);
  }
});

test("bits a byte", () => {
  const counter = new ByteCounter(byteTokenizer);
  assert.is(counter.bitsPerByte(1), undefined);
  counter.add(Int32Array.of(65, 66, 0));
  counter.add([67]);
  // 4 tokens of ln 2 nats for 3 bytes of text.
  assert.ok(Math.abs((counter.bitsPerByte(Math.LN2) ?? 0) - 4 / 3) < 1e-12);
});

/** GPT-2's alphabet: printable bytes stand for themselves, the others for characters from U+0100 on. */
function byteAlphabet(): string[] {
  let next = 256;
  const printable = (byte: number): boolean => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  return Array.from({ length: 256 }, (_, byte) => String.fromCodePoint(printable(byte) ? byte : next++));
}

const folder = temporaryFolder();

function byteLevelFile(): string {
  const vocab = Object.fromEntries([...byteAlphabet(), "lo", "low", "er", "Ġlow"].map((token, id) => [token, id]));
  const path = join(folder, "tokenizer.json");
  const content = {
    version: "1.0",
    added_tokens: [
      { id: 260, content: "<|endoftext|>", single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
    ],
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: { type: "BPE", vocab: { ...vocab, "<|endoftext|>": 260 }, merges: ["l o", "lo w", "e r", "Ġ low"], unk_token: null },
  };
  writeFileSync(path, JSON.stringify(content));
  return path;
}

function sentencePieceFile(): string {
  const bytes = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, "0")}>`);
  const tokens = ["<unk>", "<s>", "</s>", ...bytes, "▁", "l", "o", "w", "e", "r", "lo", "low", "▁low", "er"];
  const special = (id: number): object => ({
    id,
    content: tokens[id],
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  });
  const content = {
    version: "1.0",
    added_tokens: [0, 1, 2].map(special),
    normalizer: {
      type: "Sequence",
      normalizers: [
        { type: "Prepend", prepend: "▁" },
        { type: "Replace", pattern: { String: " " }, content: "▁" },
      ],
    },
    pre_tokenizer: null,
    post_processor: null,
    decoder: {
      type: "Sequence",
      decoders: [{ type: "Replace", pattern: { String: "▁" }, content: " " }, { type: "ByteFallback" }, { type: "Fuse" }],
    },
    model: {
      type: "BPE",
      vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
      merges: ["l o", "lo w", "▁ low", "e r"],
      unk_token: "<unk>",
      fuse_unk: true,
      byte_fallback: true,
    },
  };
  const path = join(folder, "tokenizer-sp.json");
  writeFileSync(path, JSON.stringify(content));
  return path;
}

test("a tokenizer.json", async () => {
  const tokenizer = await openTokenizer(byteLevelFile());
  assert.match(tokenizer.name, /^tokenizer-[0-9a-f]{8}$/);
  assert.equal([tokenizer.vocabulary, tokenizer.endOfText], [261, 260]);
  assert.equal([...tokenizer.encode("low lower")], [257, 259, 258]);
  for (const text of texts.slice(0, 5)) assert.is(tokenizer.decode(tokenizer.encode(text)), text);
  assert.is(tokenizer.decode([257, 9999, 260]), "low\ufffd<|endoftext|>");
  const other = await openTokenizer(sentencePieceFile());
  assert.is(other.endOfText, 2);
  assert.is.not(other.name, tokenizer.name);
});

test("what is no tokenizer is refused", async () => {
  await failsWith(() => openTokenizer("gpt3"), "data/tokenizer", '"gpt3" is not a tokenizer');
  await failsWith(() => openTokenizer(join(folder, "none.json")), "data/tokenizer", "there is no such file");
  for (const [i, content] of ["{", "{}", "[]", '{"model":{"type":"BPE","vocab":{},"merges":[]}}', "null"].entries()) {
    const path = join(folder, `bad${i}.json`);
    writeFileSync(path, content);
    await failsWith(() => openTokenizer(path), "data/tokenizer", path);
  }
});

test.run();
