/** `mlac data prepare`: text files to token shards, in one pass and little memory. */
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { fail } from "../compiler/diagnostics.js";
import { divide, type Part, type Placed, type Source } from "./divide.js";
import { textEndings } from "./documents.js";
import { failOn, syncFolder } from "./durable.js";
import { expandPaths } from "./paths.js";
import { ShardSeries, type WrittenShard } from "./shardSeries.js";
import { widthFor } from "./shards.js";
import type { Tokenizer } from "./tokenizers.js";

export interface PrepareOptions {
  /** Paths, folders or patterns of .txt and .jsonl files. */
  inputs: string | readonly string[];
  /** The folder for the shards; made where it is missing. */
  out: string;
  tokenizer: Tokenizer;
  /** Shards are `<name>_train_000000.bin`, `<name>_val_000000.bin` and so on. Letters, digits, - and _. Default "data". */
  name?: string;
  /** Tokens of a full shard. Default 100 million. */
  shardTokens?: number;
  /** The share of the documents, evenly spread, that is kept for validation; or the files that are. Default 0.05. */
  validation?: number | { files: string | readonly string[] };
  /** The field of .jsonl lines that has the text. Default "text". */
  field?: string;
  /** Whether shards of that name in `out` may be replaced; they are, when the new ones are whole. */
  overwrite?: boolean;
  /** Called after each piece of text. */
  progress?: (done: Progress) => void;
}

export interface Progress {
  file: string;
  documents: number;
  tokens: number;
  /** Of the inputs. */
  bytes: number;
  totalBytes: number;
}

export interface Prepared {
  train: WrittenShard[];
  validation: WrittenShard[];
  documents: Record<Part, number>;
  tokens: Record<Part, number>;
  /** Of the inputs. */
  bytes: number;
}

/**
 * Each document starts with the tokenizer's end-of-text token, where it has one. Same inputs, same shards.
 * Errors: data/files, data/name, data/exists, data/format, data/encoding, data/field, data/validation, data/write.
 */
export async function prepareData(options: PrepareOptions): Promise<Prepared> {
  const { out, name = "data", overwrite = false } = options;
  checkOptions(options);
  const sources = await sourcesOf(options);
  const old = await shardsNamed(out, name);
  if (old.length > 0 && !overwrite)
    fail("data/exists", `${out} already has ${old[0]}${old.length > 1 ? ` and ${old.length - 1} more shards of that name` : ""}`, {
      help: "choose another folder or another name, or replace them with --overwrite",
    });
  const work = join(out, `.${name}.partial-${process.pid}`);
  try {
    await rm(work, { recursive: true, force: true });
    await mkdir(work, { recursive: true });
    const prepared = await writeAll(options, sources, join(work, name));
    const place = ({ path, tokens }: WrittenShard): WrittenShard => ({ path: join(out, basename(path)), tokens });
    const placed = { ...prepared, train: prepared.train.map(place), validation: prepared.validation.map(place) };
    const names = [...prepared.train, ...prepared.validation].map(({ path }) => basename(path));
    for (const shard of names) await rename(join(work, shard), join(out, shard));
    for (const shard of old) if (!names.includes(shard)) await rm(join(out, shard));
    await syncFolder(out);
    return placed;
  } catch (error) {
    return failOn(error, "data/write", `the shards could not be written into ${out}`, "make room, or choose another folder");
  } finally {
    await rm(work, { recursive: true, force: true }).catch(() => {});
  }
}

function checkOptions({ name = "data", validation = 0, shardTokens = 1 }: PrepareOptions): void {
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]*$/.test(name)) fail("data/name", `"${name}" cannot be the shards' name: letters, digits, - and _ can`);
  if (typeof validation === "number" && !(validation >= 0 && validation < 1))
    fail("data/validation", `the share for validation is ${validation}; it must be at least 0 and below 1`);
  if (!(Number.isInteger(shardTokens) && shardTokens > 0 && shardTokens < 2 ** 31))
    fail("data/shard", `a shard cannot have ${shardTokens} tokens; it can have 1 to ${2 ** 31 - 1}`);
}

/** A file that is named for both is for validation. */
async function sourcesOf({ inputs, validation = 0.05 }: PrepareOptions): Promise<Source[]> {
  const held = typeof validation === "number" ? [] : expandPaths(validation.files, textEndings);
  const train = expandPaths(inputs, textEndings).filter((path) => !held.includes(path));
  const shared = typeof validation === "number";
  return Promise.all([
    ...train.map(async (path): Promise<Source> => ({ path, size: (await stat(path)).size, ...(shared ? {} : { part: "train" }) })),
    ...held.map(async (path): Promise<Source> => ({ path, size: (await stat(path)).size, part: "validation" })),
  ]);
}

async function shardsNamed(folder: string, name: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((file) => file.startsWith(name) && /^_(train|val)_[0-9]{6,}\.bin$/.test(file.slice(name.length))).sort();
}

async function writeAll(options: PrepareOptions, sources: readonly Source[], prefix: string): Promise<Prepared> {
  const { tokenizer, shardTokens = 100_000_000, validation = 0.05, field = "text", progress } = options;
  const width = widthFor(tokenizer.vocabulary);
  const series: Record<Part, ShardSeries> = {
    train: new ShardSeries(`${prefix}_train_`, width, shardTokens),
    validation: new ShardSeries(`${prefix}_val_`, width, shardTokens),
  };
  const documents: Record<Part, number> = { train: 0, validation: 0 };
  const bytesBefore = startsOf(sources);
  const totalBytes = sources.reduce((sum, { size }) => sum + size, 0);
  const share = typeof validation === "number" ? validation : 0;
  try {
    for await (const placed of divide(sources, share, field)) {
      if (placed.piece.first) documents[placed.part]++;
      await write(placed, series[placed.part], tokenizer);
      progress?.({
        file: placed.source.path,
        documents: documents.train + documents.validation,
        tokens: series.train.tokens + series.validation.tokens,
        bytes: (bytesBefore.get(placed.source) ?? 0) + placed.piece.bytes,
        totalBytes,
      });
    }
    checkDocuments(documents, validation !== 0);
    const [train, held] = [await series.train.finish(), await series.validation.finish()];
    const tokens = { train: series.train.tokens, validation: series.validation.tokens };
    return { train, validation: held, documents, tokens, bytes: totalBytes };
  } finally {
    await series.train.abandon();
    await series.validation.abandon();
  }
}

async function write({ piece }: Placed, series: ShardSeries, tokenizer: Tokenizer): Promise<void> {
  if (piece.first && tokenizer.endOfText !== undefined) await series.append(Uint32Array.of(tokenizer.endOfText));
  await series.append(tokenizer.encode(piece.text));
}

function startsOf(sources: readonly Source[]): ReadonlyMap<Source, number> {
  let bytes = 0;
  return new Map(
    sources.map((source) => {
      bytes += source.size;
      return [source, bytes - source.size];
    }),
  );
}

function checkDocuments({ train, validation }: Record<Part, number>, wanted: boolean): void {
  if (train === 0) fail("data/files", "the inputs have no text to train on");
  if (wanted && validation === 0)
    fail("data/validation", `none of the ${train} documents fell to validation`, {
      help: "give a larger share, files of its own, or 0 for no validation",
    });
}
