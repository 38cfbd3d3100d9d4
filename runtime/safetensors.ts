/** Tensors in a file: read one at a time from their place in it, written one after another. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { fail } from "../compiler/diagnostics.js";
import { type Disk, failOn, realDisk, replaceFile, type Written } from "./durable.js";
import {
  bytesOf,
  type Header,
  HeaderProblem,
  longestHeader,
  parseHeader,
  problemOfName,
  sizeInBytes,
  type TensorEntry,
  type TensorInfo,
} from "./safetensorsHeader.js";

export type { DType, TensorEntry, TensorInfo } from "./safetensorsHeader.js";

/** Opens a file and reads its header, nothing else. Errors: data/safetensors, with what is wrong. Close it after use. */
export function openSafetensors(path: string): SafetensorsFile {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    return failOn(error, "data/safetensors", `${path} cannot be read`);
  }
  try {
    return new SafetensorsFile(path, file);
  } catch (error) {
    closeSync(file);
    if (error instanceof HeaderProblem)
      fail("data/safetensors", `${path}: ${error.message}`, { help: "the file is damaged, or not a safetensors file" });
    return failOn(error, "data/safetensors", `${path} cannot be read`);
  }
}

export class SafetensorsFile {
  readonly path: string;
  /** By name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  readonly metadata: ReadonlyMap<string, string>;
  readonly #file: number;
  readonly #dataAt: number;

  constructor(path: string, file: number) {
    this.path = path;
    this.#file = file;
    const { size } = fstatSync(file);
    if (size < 10) throw new HeaderProblem(`the file has ${size} bytes, too few for a header`);
    const length = Number(Buffer.from(this.#bytes(0, 8)).readBigUInt64LE());
    if (length > longestHeader) throw new HeaderProblem(`the header claims ${length} bytes; at most ${longestHeader} are allowed`);
    if (length > size - 8) throw new HeaderProblem(`the header claims ${length} bytes; the file has ${size - 8} after its length`);
    const header: Header = parseHeader(this.#bytes(8, length), size - 8 - length);
    this.tensors = header.tensors;
    this.metadata = header.metadata;
    this.#dataAt = 8 + length;
  }

  /** The tensor's elements, row-major, little-endian. Errors: data/tensor when there is none of this name. */
  read(name: string): Uint8Array {
    const { begin, end } = this.#entry(name);
    return this.#bytes(this.#dataAt + begin, end - begin);
  }

  /** The tensor's elements as numbers. 64-bit integers beyond 2^53 lose their last digits. */
  numbers(name: string): Float64Array {
    const { dtype } = this.#entry(name);
    return toNumbers(dtype, this.read(name));
  }

  close(): void {
    closeSync(this.#file);
  }

  #entry(name: string): TensorEntry {
    return this.tensors.get(name) ?? fail("data/tensor", `${this.path} has no tensor "${name}"`);
  }

  #bytes(from: number, count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    for (let done = 0; done < count; ) {
      const read = readSync(this.#file, bytes, done, Math.min(count - done, 2 ** 30), from + done);
      if (read === 0) fail("data/safetensors", `${this.path} became shorter while it was read`);
      done += read;
    }
    return bytes;
  }
}

/** Little-endian elements as numbers. */
export function toNumbers(dtype: TensorInfo["dtype"], bytes: Uint8Array): Float64Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const read = readers[dtype];
  const width = bytesOf[dtype];
  return Float64Array.from({ length: bytes.byteLength / width }, (_, i) => read(view, i * width));
}

const readers: Readonly<Record<TensorInfo["dtype"], (view: DataView, at: number) => number>> = {
  F64: (view, at) => view.getFloat64(at, true),
  F32: (view, at) => view.getFloat32(at, true),
  F16: (view, at) => half(view.getUint16(at, true)),
  BF16: (view, at) => upperHalf(view.getUint16(at, true)),
  I64: (view, at) => Number(view.getBigInt64(at, true)),
  I32: (view, at) => view.getInt32(at, true),
  I16: (view, at) => view.getInt16(at, true),
  I8: (view, at) => view.getInt8(at),
  U64: (view, at) => Number(view.getBigUint64(at, true)),
  U32: (view, at) => view.getUint32(at, true),
  U16: (view, at) => view.getUint16(at, true),
  U8: (view, at) => view.getUint8(at),
  BOOL: (view, at) => view.getUint8(at),
};

/** bfloat16 is the upper half of a float32. */
function upperHalf(bits: number): number {
  return new Float32Array(Uint32Array.of(bits << 16).buffer)[0] ?? 0;
}

/** IEEE 754 binary16. */
function half(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const size =
    exponent === 0
      ? fraction * 2 ** -24
      : exponent === 31
        ? fraction === 0
          ? Infinity
          : Number.NaN
        : (1024 + fraction) * 2 ** (exponent - 25);
  return bits & 0x8000 ? -size : size;
}

export interface WriteOptions {
  metadata?: Readonly<Record<string, string>>;
  disk?: Disk;
}

/**
 * Writes the tensors one at a time, each asked for when its turn comes, so that memory holds one. Wide elements come first,
 * which keeps every tensor aligned. The file appears at `path` when it is whole and synced. Errors are the system's own.
 */
export async function writeSafetensors(
  path: string,
  tensors: readonly TensorInfo[],
  read: (name: string) => Uint8Array | Promise<Uint8Array>,
  options: WriteOptions = {},
): Promise<Written> {
  const order = tensors.toSorted((a, b) => bytesOf[b.dtype] - bytesOf[a.dtype]);
  const header = headerOf(order, options.metadata);
  const fill = async (write: (data: Uint8Array) => Promise<void>): Promise<void> => {
    await write(header);
    for (const tensor of order) {
      const data = await read(tensor.name);
      const bytes = sizeInBytes(tensor.dtype, tensor.shape);
      if (data.byteLength !== bytes) throw new Error(`tensor ${tensor.name} has ${data.byteLength} bytes where ${bytes} were announced`);
      await write(data);
    }
  };
  return replaceFile(path, fill, options.disk ?? realDisk);
}

/** The eight bytes of its length, then the header, filled up with spaces to a multiple of eight. */
function headerOf(tensors: readonly TensorInfo[], metadata: Readonly<Record<string, string>> | undefined): Uint8Array {
  const entries: [string, unknown][] = metadata === undefined ? [] : [["__metadata__", metadata]];
  const taken = new Set<string>();
  let at = 0;
  for (const { name, dtype, shape } of tensors) {
    const bytes = sizeInBytes(dtype, shape);
    const problem = problemOfName(name) ?? (taken.has(name) ? `"${name}" is there twice` : undefined);
    if (problem !== undefined || bytes === undefined)
      throw new Error(`tensor "${name}" cannot be written: ${problem ?? "it is too large"}`);
    taken.add(name);
    entries.push([name, { dtype, shape, data_offsets: [at, at + bytes] }]);
    at += bytes;
  }
  // Not Object.fromEntries, which would move names that look like numbers to the front and lose "__proto__".
  const json = Buffer.from(`{${entries.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(",")}}`);
  const padded = Math.ceil(json.byteLength / 8) * 8;
  if (padded > longestHeader) throw new Error(`the header of ${tensors.length} tensors is too long`);
  const bytes = Buffer.alloc(8 + padded, " ");
  bytes.writeBigUInt64LE(BigInt(padded));
  bytes.set(json, 8);
  return bytes;
}
