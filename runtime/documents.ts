/** Documents out of .txt and .jsonl files, a piece at a time, whatever their size. */
import { createReadStream } from "node:fs";
import { extname } from "node:path";
import { fail } from "../compiler/diagnostics.js";
import { failOn } from "./durable.js";

export const textEndings = [".txt", ".jsonl"] as const;

/** A part of a document; a long text file comes in several. */
export interface Piece {
  text: string;
  /** Whether a document starts here. */
  first: boolean;
  /** Bytes of the file read so far. */
  bytes: number;
}

/** About the length of a text file's pieces, in characters. */
const pieceLength = 1 << 20;

/**
 * The documents of a file: a .txt file is one, each line of a .jsonl file is one, in its field `field`. Empty ones are left out.
 * Errors: data/format, data/encoding, data/field, with file and line.
 */
export async function* documentsOf(path: string, field = "text"): AsyncGenerator<Piece> {
  const ending = extname(path).toLowerCase();
  if (ending === ".jsonl") yield* jsonDocuments(path, field);
  else if (ending === ".txt") yield* textPieces(path);
  else
    fail("data/format", `${path} is not a .txt or .jsonl file`, {
      help: ending === ".parquet" ? 'turn it into .jsonl first, a line a document: {"text": "…"}' : "rename it if it is plain text",
    });
}

async function* textPieces(path: string): AsyncGenerator<Piece> {
  let held = "";
  let first = true;
  let bytes = 0;
  for await (const chunk of chunksOf(path)) {
    held += chunk.text;
    bytes = chunk.bytes;
    if (held.length < pieceLength) continue;
    const cut = placeToCut(held);
    if (cut === 0) continue;
    yield { text: held.slice(0, cut), first, bytes };
    held = held.slice(cut);
    first = false;
  }
  if (held !== "") yield { text: held, first, bytes };
}

/**
 * After the last line break that has a visible character on both sides: no tokenizer joins over it. Without one after 16
 * pieces, anywhere but within a character; 0 means to wait for more.
 */
function placeToCut(text: string): number {
  for (let at = text.lastIndexOf("\n"); at > 0; at = text.lastIndexOf("\n", at - 1))
    if (/^\S\n\S/.test(text.slice(at - 1, at + 2))) return at + 1;
  if (text.length < 16 * pieceLength) return 0;
  return (text.charCodeAt(text.length - 1) & 0xfc00) === 0xd800 ? text.length - 1 : text.length;
}

async function* jsonDocuments(path: string, field: string): AsyncGenerator<Piece> {
  let number = 0;
  for await (const { line, bytes } of linesOf(path)) {
    number++;
    if (line.trim() === "") continue;
    const text = textOf(line, field, `${path}:${number}`);
    if (text !== "") yield { text, first: true, bytes };
  }
}

function textOf(line: string, field: string, place: string): string {
  let record: unknown;
  try {
    record = JSON.parse(line);
  } catch (error) {
    fail("data/format", `${place} is not JSON: ${(error as Error).message}`);
  }
  const text =
    typeof record === "object" && record !== null && Object.hasOwn(record, field) ? (record as Record<string, unknown>)[field] : undefined;
  if (typeof text === "string") return text;
  const fields = typeof record === "object" && record !== null ? Object.keys(record).slice(0, 8).join(", ") : typeof record;
  return fail("data/field", `${place} has no text in the field "${field}"; it has ${fields}`, { help: "name the field with --field" });
}

async function* linesOf(path: string): AsyncGenerator<{ line: string; bytes: number }> {
  const held: string[] = [];
  let bytes = 0;
  for await (const chunk of chunksOf(path)) {
    const [first = "", ...rest] = chunk.text.split("\n");
    held.push(first);
    bytes = chunk.bytes;
    for (const next of rest) {
      yield { line: held.join(""), bytes };
      held.splice(0, held.length, next);
    }
  }
  yield { line: held.join(""), bytes };
}

/** The file's text as it is read; a byte order mark at its start is left out. */
async function* chunksOf(path: string): AsyncGenerator<{ text: string; bytes: number }> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 18 }) as AsyncIterable<Uint8Array>) {
      yield { text: decode(decoder, chunk, path, bytes), bytes: bytes + chunk.byteLength };
      bytes += chunk.byteLength;
    }
  } catch (error) {
    failOn(error, "data/files", `${path} cannot be read`);
  }
  const rest = decode(decoder, undefined, path, bytes);
  if (rest !== "") yield { text: rest, bytes };
}

function decode(decoder: InstanceType<typeof TextDecoder>, chunk: Uint8Array | undefined, path: string, at: number): string {
  try {
    return chunk === undefined ? decoder.decode() : decoder.decode(chunk, { stream: true });
  } catch {
    return fail("data/encoding", `${path} is not UTF-8 (after byte ${at})`, { help: "convert it first: iconv -f LATIN1 -t UTF-8" });
  }
}
