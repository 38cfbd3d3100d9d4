/**
 * The header of a safetensors file: strict about everything a damaged or hostile file could say.
 * Format: github.com/huggingface/safetensors. Stricter here: no duplicate keys, no unknown fields, integers as plain digits only.
 */

export const bytesOf = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U64: 8, U32: 4, U16: 2, U8: 1, BOOL: 1 } as const;
export type DType = keyof typeof bytesOf;

export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export interface TensorEntry extends TensorInfo {
  /** Bytes from the start of the data, which is the end of the header; `end` is exclusive. */
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
}

export const longestHeader = 100_000_000;
const longestMetadata = 1_000_000;
const longestName = 512;

/** What is wrong with a header; the reader adds the file's name. */
export class HeaderProblem extends Error {}

const wrong = (message: string): never => {
  throw new HeaderProblem(message);
};

/** Bytes of a tensor; undefined where they cannot be counted exactly. */
export function sizeInBytes(dtype: DType, shape: readonly number[]): number | undefined {
  // A zero anywhere makes it empty, but a product that overflows before the zero comes is refused all the same.
  const bytes = shape.reduce((product, size) => (Number.isSafeInteger(product * size) ? product * size : Number.NaN), bytesOf[dtype]);
  return Number.isNaN(bytes) ? undefined : bytes;
}

/** Reads the header's JSON text. `dataBytes` is what the file has after it. Throws HeaderProblem. */
export function parseHeader(text: Uint8Array, dataBytes: number): Header {
  if (text[0] !== 0x7b) wrong("the header does not start with {");
  const tensors = new Map<string, TensorEntry>();
  let metadata: ReadonlyMap<string, string> = new Map();
  for (const [name, value] of new HeaderJson(decode(text)).read()) {
    if (name === "__metadata__") metadata = checkMetadata(value);
    else tensors.set(name, checkEntry(name, value));
  }
  checkRanges(tensors, dataBytes);
  return { tensors, metadata };
}

function decode(text: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(text);
  } catch {
    return wrong("the header is not UTF-8");
  }
}

function checkMetadata(value: Json): ReadonlyMap<string, string> {
  if (!(value instanceof Map)) return wrong("__metadata__ is not an object");
  const metadata = new Map<string, string>();
  let length = 0;
  for (const [key, text] of value) {
    if (typeof text !== "string") return wrong(`the metadata "${key}" is not a string`);
    length += key.length + text.length;
    metadata.set(key, text);
  }
  return length > longestMetadata ? wrong("the metadata are longer than 1 MB") : metadata;
}

/** Why a tensor cannot have this name, if it cannot. */
export function problemOfName(name: string): string | undefined {
  if (Buffer.byteLength(name) > longestName) return `a tensor's name is longer than ${longestName} bytes`;
  if (/\p{Cc}/u.test(name)) return "a tensor's name has control characters";
  return name === "" || name === "__metadata__" ? `"${name}" cannot be a tensor's name` : undefined;
}

function checkEntry(name: string, value: Json): TensorEntry {
  const problem = problemOfName(name);
  if (problem !== undefined) return wrong(problem);
  if (!(value instanceof Map)) return wrong(`the entry of "${name}" is not an object`);
  for (const key of value.keys())
    if (!["dtype", "shape", "data_offsets"].includes(key)) return wrong(`"${name}" has the unknown field "${key}"`);
  const dtype = value.get("dtype");
  const shape = value.get("shape");
  const offsets = value.get("data_offsets");
  if (typeof dtype !== "string" || !Object.hasOwn(bytesOf, dtype)) return wrong(`"${name}" has the unknown dtype ${JSON.stringify(dtype)}`);
  if (!isNumbers(shape)) return wrong(`the shape of "${name}" is not a list of sizes`);
  if (!isNumbers(offsets) || offsets.length !== 2) return wrong(`the data_offsets of "${name}" are not two numbers`);
  const [begin = 0, end = 0] = offsets;
  const bytes = sizeInBytes(dtype as DType, shape);
  if (bytes === undefined) return wrong(`"${name}" is too large: ${dtype} [${shape.join(", ")}]`);
  if (end - begin !== bytes)
    return wrong(`"${name}" is ${dtype} [${shape.join(", ")}], ${bytes} bytes, but its data_offsets hold ${end - begin}`);
  return { name, dtype: dtype as DType, shape, begin, end };
}

const isNumbers = (value: Json | undefined): value is number[] => Array.isArray(value) && value.every((item) => typeof item === "number");

/** The tensors must follow each other without hole or overlap from the first byte of the data to the last. */
function checkRanges(tensors: ReadonlyMap<string, TensorEntry>, dataBytes: number): void {
  let at = 0;
  for (const { name, begin, end } of [...tensors.values()].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin !== at) wrong(`"${name}" starts at byte ${begin} of the data; the tensor before it ends at ${at}`);
    at = end;
  }
  if (at !== dataBytes) wrong(`the tensors take ${at} bytes; the file has ${dataBytes} bytes of data`);
}

type Json = string | number | Json[] | Map<string, Json>;

/** JSON with no more than a header needs; JSON.parse would keep the last of two equal keys without a word. */
class HeaderJson {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  read(): Map<string, Json> {
    const object = this.#object(0);
    this.#skip();
    return this.#at === this.#text.length ? object : this.#unexpected();
  }

  #value(depth: number): Json {
    if (depth > 4) return wrong("the header is nested too deeply");
    this.#skip();
    const first = this.#text[this.#at] ?? "";
    if (first === "{") return this.#object(depth);
    if (first === "[") return this.#list(depth);
    return first === '"' ? this.#string() : this.#number();
  }

  #object(depth: number): Map<string, Json> {
    const object = new Map<string, Json>();
    this.#expect("{");
    if (this.#take("}")) return object;
    do {
      this.#skip();
      const key = this.#string();
      if (object.has(key)) return wrong(`"${key}" is there twice`);
      this.#expect(":");
      object.set(key, this.#value(depth + 1));
    } while (this.#take(","));
    this.#expect("}");
    return object;
  }

  #list(depth: number): Json[] {
    const list: Json[] = [];
    this.#expect("[");
    if (this.#take("]")) return list;
    do list.push(this.#value(depth + 1));
    while (this.#take(","));
    this.#expect("]");
    return list;
  }

  #string(): string {
    const quoted = this.#match(/"(?:[^"\\]|\\.)*"/suy);
    try {
      const text = JSON.parse(quoted) as string;
      return /\p{Surrogate}/u.test(text) ? wrong("a string of the header has half a surrogate pair") : text;
    } catch (error) {
      if (error instanceof HeaderProblem) throw error;
      return wrong(`a string of the header is not JSON: ${quoted.slice(0, 40)}`);
    }
  }

  #number(): number {
    const number = Number(this.#match(/(?:0|[1-9][0-9]*)(?![0-9.eE])/y));
    return Number.isSafeInteger(number) ? number : wrong(`${number} is too large a number`);
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const found = pattern.exec(this.#text)?.[0] ?? this.#unexpected();
    this.#at += found.length;
    return found;
  }

  #skip(): void {
    while (" \n\r\t".includes(this.#text[this.#at] ?? "-")) this.#at++;
  }

  #take(character: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#take(character)) this.#unexpected();
  }

  #unexpected(): never {
    const found = this.#text[this.#at];
    return wrong(
      found === undefined ? "the header ends too early" : `the header has an unexpected ${JSON.stringify(found)} at character ${this.#at}`,
    );
  }
}
