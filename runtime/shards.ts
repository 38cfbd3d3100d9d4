/**
 * Token shards in the format of llm.c and modded-nanogpt: 256 little-endian int32, then the tokens.
 * Header: [0] magic, [1] version, [2] number of tokens, the rest zero. 20240520, 1: uint16 tokens; 20240801, 7: uint32 tokens.
 */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { fail } from "../compiler/diagnostics.js";
import { type Disk, failOn, realDisk, syncFolder, type Written, writeAll } from "./durable.js";

const headerBytes = 1024;
const formats = { 2: { magic: 20240520, version: 1 }, 4: { magic: 20240801, version: 7 } } as const;

/** Bytes of a token: uint16 or uint32. */
export type Width = 2 | 4;

/** Enough for every id below `vocabulary`. */
export const widthFor = (vocabulary: number): Width => (vocabulary <= 2 ** 16 ? 2 : 4);

/** Opens a shard and checks its header against its size. Errors: data/shard. Close it after use. */
export function openShard(path: string): Shard {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch (error) {
    return failOn(error, "data/shard", `${path} cannot be read`);
  }
  try {
    return new Shard(path, file);
  } catch (error) {
    closeSync(file);
    return failOn(error, "data/shard", `${path} cannot be read`);
  }
}

export class Shard {
  readonly path: string;
  readonly tokens: number;
  readonly width: Width;
  readonly #file: number;
  #scratch = new Uint8Array(0);

  constructor(path: string, file: number) {
    this.path = path;
    this.#file = file;
    const { size } = fstatSync(file);
    if (size < headerBytes) broken(path, `it has ${size} bytes; the header alone has ${headerBytes}`);
    const header = Buffer.alloc(12);
    readSync(file, header, 0, 12, 0);
    const [magic, version, tokens] = [header.readInt32LE(0), header.readInt32LE(4), header.readInt32LE(8)];
    this.width = widthOf(path, magic, version);
    this.tokens = tokens;
    if (tokens <= 0) broken(path, `its header says that it has ${tokens} tokens`);
    const expected = headerBytes + tokens * this.width;
    if (size !== expected)
      broken(path, `its header says ${tokens} tokens of ${this.width} bytes, ${expected} bytes in all; the file has ${size}`);
  }

  /** Copies tokens start … start+count-1 into `into` from `at` on. Ids of 2^31 and more come out negative. */
  read(start: number, count: number, into: Int32Array, at = 0): void {
    if (start < 0 || start + count > this.tokens) throw new RangeError(`tokens ${start} to ${start + count} of ${this.tokens}`);
    const length = count * this.width;
    if (this.#scratch.byteLength < length) this.#scratch = new Uint8Array(length);
    for (let done = 0; done < length; ) {
      const read = readSync(this.#file, this.#scratch, done, length - done, headerBytes + start * this.width + done);
      if (read === 0) broken(this.path, "it became shorter while it was read");
      done += read;
    }
    into.set(this.width === 2 ? new Uint16Array(this.#scratch.buffer, 0, count) : new Int32Array(this.#scratch.buffer, 0, count), at);
  }

  close(): void {
    closeSync(this.#file);
  }
}

const broken = (path: string, message: string, help = "make it again with `mlac data prepare`"): never =>
  fail("data/shard", `${path} is not a token shard: ${message}`, { help });

function widthOf(path: string, magic: number, version: number): Width {
  if (magic === 20240522) return broken(path, "it is an evaluation file of llm.c (magic 20240522)", "give the train and val shards");
  const width =
    magic === formats[2].magic
      ? 2
      : magic === formats[4].magic
        ? 4
        : broken(path, `its magic number is ${magic}, not 20240520 or 20240801`);
  return version === formats[width].version
    ? width
    : broken(path, `its version is ${version}; with magic ${magic} it must be ${formats[width].version}`);
}

/** The first place in ids[from … to-1] with an id that is not below `vocabulary`, or -1. */
export function firstBeyond(ids: Int32Array, from: number, to: number, vocabulary: number): number {
  for (let i = from; i < to; i++) if ((ids[i] ?? 0) >>> 0 >= vocabulary) return i;
  return -1;
}

/** Writes a shard a piece at a time; it appears at its path when `finish` is called. */
export class ShardWriter {
  readonly path: string;
  readonly width: Width;
  tokens = 0;
  readonly #disk: Disk;
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  readonly #buffer: Uint16Array | Uint32Array;
  #filled = 0;

  /** Use `ShardWriter.create`. */
  constructor(path: string, width: Width, file: FileHandle, disk: Disk) {
    this.path = path;
    this.width = width;
    this.#file = file;
    this.#disk = disk;
    this.#buffer = width === 2 ? new Uint16Array(1 << 19) : new Uint32Array(1 << 18);
  }

  static async create(path: string, width: Width, disk: Disk = realDisk): Promise<ShardWriter> {
    const file = await disk.open(`${path}.partial`, "w");
    const writer = new ShardWriter(path, width, file, disk);
    await writeAll(file, new Uint8Array(headerBytes));
    return writer;
  }

  async append(ids: ArrayLike<number>): Promise<void> {
    const limit = 2 ** (8 * this.width);
    for (let i = 0; i < ids.length; i++) {
      const id = ids[i] ?? 0;
      if (!(id >= 0 && id < limit)) throw new RangeError(`token ${id} does not fit into ${this.width} bytes`);
      this.#buffer[this.#filled++] = id;
      if (this.#filled === this.#buffer.length) await this.#flush();
    }
    this.tokens += ids.length;
  }

  /** Writes the header, syncs and renames. sha256 is that of the tokens' bytes, so that equal shards can be told. */
  async finish(): Promise<Written> {
    await this.#flush();
    const header = Buffer.alloc(12);
    const { magic, version } = formats[this.width];
    [magic, version, this.tokens].forEach((value, i) => {
      header.writeInt32LE(value, 4 * i);
    });
    await this.#file.write(header, 0, 12, 0);
    await this.#file.sync();
    await this.#file.close();
    await this.#disk.rename(`${this.path}.partial`, this.path);
    await syncFolder(dirname(this.path), this.#disk);
    return { bytes: headerBytes + this.tokens * this.width, sha256: this.#hash.digest("hex") };
  }

  /** Leaves nothing behind. */
  async abandon(): Promise<void> {
    await this.#file.close().catch(() => {});
    await this.#disk.rm(`${this.path}.partial`, { force: true }).catch(() => {});
  }

  async #flush(): Promise<void> {
    const bytes = new Uint8Array(this.#buffer.buffer, 0, this.#filled * this.width);
    this.#hash.update(bytes);
    await writeAll(this.#file, bytes);
    this.#filled = 0;
  }
}

/** Writes a whole shard at once. */
export async function writeShard(path: string, ids: ArrayLike<number>, width: Width): Promise<Written> {
  const writer = await ShardWriter.create(path, width);
  try {
    await writer.append(ids);
    return await writer.finish();
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
