/** Text to token ids and back: bytes, GPT-2's byte pairs, or any tokenizer.json. */
import { fail } from "../compiler/diagnostics.js";

export interface Tokenizer {
  /** "byte", "gpt2", or a file's name and the start of its hash. Safe in file names. */
  readonly name: string;
  /** Ids are below it. */
  readonly vocabulary: number;
  /** Stands before each document; absent where the tokenizer has none. */
  readonly endOfText?: number;
  encode(text: string): Uint32Array;
  /** Bytes that are not UTF-8 become U+FFFD, and so do ids beyond the vocabulary. */
  decode(ids: ArrayLike<number>): string;
  /** For each id, how many bytes of text it stands for; 0 for special tokens. */
  byteLengths(): Uint32Array;
}

/** "byte", "gpt2" or the path of a tokenizer.json. Errors: data/tokenizer. */
export async function openTokenizer(name: string): Promise<Tokenizer> {
  if (name === "byte") return byteTokenizer;
  // Loaded when they are needed: their tables take a tenth of a second.
  if (name === "gpt2") return (await import("./gpt2.js")).gpt2Tokenizer();
  if (name.endsWith(".json")) return (await import("./tokenizerFile.js")).openTokenizerFile(name);
  return fail("data/tokenizer", `"${name}" is not a tokenizer`, { help: 'use "byte", "gpt2", or the path of a tokenizer.json' });
}

export const replacement = "\ufffd";

/** One token a byte of UTF-8. 0, which no text has, ends documents. */
export const byteTokenizer: Tokenizer = {
  name: "byte",
  vocabulary: 256,
  endOfText: 0,
  encode: (text) => new Uint32Array(new TextEncoder().encode(text)),
  decode: decodeBytes,
  byteLengths: () => new Uint32Array(256).fill(1, 1),
};

function decodeBytes(ids: ArrayLike<number>): string {
  const bytes = new Uint8Array(ids.length);
  // 0xff is never a part of UTF-8.
  for (let i = 0; i < bytes.length; i++) bytes[i] = Math.min(ids[i] ?? 0, 0xff);
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
}

/**
 * Bits a byte from the mean loss in nats a token: comparable between tokenizers. `targets` are the tokens the loss was taken
 * over; special ones count as no bytes. Undefined where there is no byte at all.
 */
export class ByteCounter {
  readonly #lengths: Uint32Array;
  #bytes = 0;
  #tokens = 0;

  constructor(tokenizer: Tokenizer) {
    this.#lengths = tokenizer.byteLengths();
  }

  add(targets: ArrayLike<number>): void {
    for (let i = 0; i < targets.length; i++) this.#bytes += this.#lengths[targets[i] ?? 0] ?? 0;
    this.#tokens += targets.length;
  }

  bitsPerByte(loss: number): number | undefined {
    return this.#bytes === 0 ? undefined : (loss * this.#tokens) / (Math.LN2 * this.#bytes);
  }
}
