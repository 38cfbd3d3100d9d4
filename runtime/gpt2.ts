/** GPT-2's tokenizer, r50k_base, from the package gpt-tokenizer. */
import ranks from "gpt-tokenizer/bpeRanks/r50k_base";
import { encode } from "gpt-tokenizer/encoding/r50k_base";
import { replacement, type Tokenizer } from "./tokenizers.js";

const vocabulary = 50_257;
const endOfText = 50_256;

/** The byte pair merge takes time by the square of a word's length; longer ones are cut. No word of a language is near it. */
const longestWord = 8192;

export function gpt2Tokenizer(): Tokenizer {
  return {
    name: "gpt2",
    vocabulary,
    endOfText,
    // What looks like <|endoftext|> in a text is text: it must not end a document.
    encode: (text) => Uint32Array.from(cut(text).flatMap((part) => encode(part, { disallowedSpecial: new Set() }))),
    decode: decodeBytes,
    byteLengths,
  };
}

/** Cuts words longer than that, but never between the halves of a surrogate pair. */
function cut(text: string): string[] {
  const parts: string[] = [];
  let from = 0;
  let word = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code <= 0x20) word = i + 1;
    else if (i - word >= longestWord && (code & 0xfc00) !== 0xdc00) {
      parts.push(text.slice(from, i));
      from = i;
      word = i;
    }
  }
  parts.push(text.slice(from));
  return parts;
}

/** The bytes of all tokens together: the package's own decoder forgets a character that is cut at the end. */
function decodeBytes(ids: ArrayLike<number>): string {
  const parts = Array.from(ids, (id) => {
    const token = id === endOfText ? "<|endoftext|>" : (ranks[id] ?? replacement);
    return typeof token === "string" ? Buffer.from(token) : Uint8Array.from(token);
  });
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.concat(parts));
}

function byteLengths(): Uint32Array {
  const lengths = new Uint32Array(vocabulary);
  ranks.forEach((token, id) => {
    lengths[id] = typeof token === "string" ? Buffer.byteLength(token) : token.length;
  });
  return lengths;
}
