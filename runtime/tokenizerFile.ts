/** A tokenizer.json of the Hugging Face tokenizers, run by the package @huggingface/tokenizers. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { Tokenizer as HuggingFace } from "@huggingface/tokenizers";
import { fail } from "../compiler/diagnostics.js";
import { failOn } from "./durable.js";
import { replacement, type Tokenizer } from "./tokenizers.js";

/** What this file uses of the package, whose own types do not resolve as modules. */
interface Engine {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
  get_vocab(withAdded: boolean): Map<string, number>;
  get_added_tokens_decoder(): Map<number, { content: string; special?: boolean }>;
}

const endings = ["<|endoftext|>", "<|end_of_text|>", "<｜end▁of▁sentence｜>", "<|eot_id|>", "</s>", "<eos>", "[SEP]"];

/** Errors: data/tokenizer. */
export async function openTokenizerFile(path: string): Promise<Tokenizer> {
  const text = await readFile(path, "utf8").catch((error: unknown) =>
    failOn(error, "data/tokenizer", `the tokenizer ${path} cannot be read`),
  );
  const { engine, json } = load(path, text);
  const vocab = engine.get_vocab(true);
  const vocabulary = [...vocab.values()].reduce((most, id) => Math.max(most, id + 1), 0);
  if (vocabulary === 0) fail("data/tokenizer", `${path} has an empty vocabulary`);
  const known = new Set(vocab.values());
  const endOfText = endings.map((token) => vocab.get(token)).find((id) => id !== undefined);
  const show = (ids: number[]): string => engine.decode(ids, { skip_special_tokens: false, clean_up_tokenization_spaces: false });
  return {
    name: `${basename(path, ".json").replace(/[^A-Za-z0-9_-]/g, "-")}-${createHash("sha256").update(text).digest("hex").slice(0, 8)}`,
    vocabulary,
    ...(endOfText === undefined ? {} : { endOfText }),
    encode: (text) => Uint32Array.from(engine.encode(text, { add_special_tokens: false }).ids),
    decode: (ids) =>
      splitAt(Array.from(ids), (id) => known.has(id))
        .map((part) => (part.length > 0 ? show(part) : ""))
        .join(replacement),
    byteLengths: () => byteLengths(vocab, vocabulary, new Set(engine.get_added_tokens_decoder().keys()), isByteLevel(json)),
  };
}

function load(path: string, text: string): { engine: Engine; json: Json } {
  try {
    const json = JSON.parse(text) as Json;
    return { engine: new HuggingFace(json, {}) as unknown as Engine, json };
  } catch (error) {
    return fail("data/tokenizer", `${path} is not a tokenizer.json that mlac can use: ${(error as Error).message}`);
  }
}

interface Json {
  decoder?: Part | null;
  pre_tokenizer?: Part | null;
}
interface Part {
  type: string;
  decoders?: Part[];
  pretokenizers?: Part[];
}

/** In a byte-level vocabulary each character stands for one byte. */
function isByteLevel({ decoder, pre_tokenizer }: Json): boolean {
  const parts = [decoder, pre_tokenizer, ...(decoder?.decoders ?? []), ...(pre_tokenizer?.pretokenizers ?? [])];
  return parts.some((part) => part?.type === "ByteLevel");
}

function byteLengths(vocab: ReadonlyMap<string, number>, vocabulary: number, added: ReadonlySet<number>, byteLevel: boolean): Uint32Array {
  const lengths = new Uint32Array(vocabulary);
  for (const [token, id] of vocab) {
    if (added.has(id)) continue;
    if (byteLevel) lengths[id] = [...token].length;
    // As SentencePiece writes them: a byte as <0x0A>, a space as ▁.
    else lengths[id] = /^<0x[0-9A-F]{2}>$/.test(token) ? 1 : Buffer.byteLength(token.replaceAll("▁", " "));
  }
  return lengths;
}

/** The runs of ids between those that are not wanted; one more run than there are of these. */
function splitAt(ids: readonly number[], wanted: (id: number) => boolean): number[][] {
  const runs: number[][] = [[]];
  for (const id of ids) {
    if (wanted(id)) runs.at(-1)?.push(id);
    else runs.push([]);
  }
  return runs;
}
