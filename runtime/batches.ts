/**
 * Batches of tokens and their successors from shards.
 *
 * Each shard is cut into windows of T tokens that do not overlap; an epoch goes once through all windows of all shards in an
 * order shuffled by the seed and the epoch. The place where the cuts begin moves from epoch to epoch, as far as there are
 * tokens to spare. A batch may take its last windows from the next epoch, so none is left out. Everything follows from the
 * seed and the position, so that a resumed run sees the same batches.
 */
import { createHash } from "node:crypto";
import { basename } from "node:path";
import { fail } from "../compiler/diagnostics.js";
import { scrambleAll, shuffled } from "./random.js";
import { firstBeyond, openShard, type Shard } from "./shards.js";

export interface BatchOptions {
  /** Paths, in a fixed order. */
  shards: readonly string[];
  /** Sequences in a batch (B) and tokens in a sequence (T). */
  batch: number;
  length: number;
  vocabulary: number;
  seed?: number;
  /** false: the windows in the shards' own order, from their first token; for validation. Default true. */
  shuffle?: boolean;
}

/** Row-major [B, T]; targets[b, t] is the token after tokens[b, t] in the shard. */
export interface Batch {
  tokens: Int32Array;
  targets: Int32Array;
}

/** Where the next batch starts; stored in checkpoints as JSON. */
export interface Position {
  epoch: number;
  /** Windows of this epoch already given. */
  window: number;
  /** Which shards, length and seed it was made with. */
  data: string;
}

/** Errors: data/shard, data/short. Close it after use. */
export function openBatches(options: BatchOptions): Batches {
  const shards: Shard[] = [];
  try {
    for (const path of options.shards) shards.push(openShard(path));
    return new Batches(options, shards);
  } catch (error) {
    for (const shard of shards) shard.close();
    throw error;
  }
}

export class Batches {
  /** Windows in an epoch. */
  readonly windows: number;
  readonly #options: BatchOptions;
  readonly #shards: readonly Shard[];
  /** starts[i] is the number of windows in the shards before shard i. */
  readonly #starts: readonly number[];
  readonly #data: string;
  #epoch = 0;
  #window = 0;

  constructor(options: BatchOptions, shards: readonly Shard[]) {
    const { length, batch } = options;
    this.#options = options;
    this.#shards = shards;
    let windows = 0;
    this.#starts = shards.map(({ path, tokens }) => {
      const here = Math.floor((tokens - 1) / length);
      if (here === 0)
        fail("data/short", `${path} has ${tokens} tokens; a sequence of ${length} and its targets need ${length + 1}`, {
          help: "use a smaller T, or more data",
        });
      windows += here;
      return windows - here;
    });
    this.windows = windows;
    if (windows < batch)
      fail("data/short", `the data have ${windows} sequences of ${length} tokens; a batch takes ${batch}`, {
        help: "use a smaller B or T, or more data",
      });
    this.#data = fingerprint(options, shards);
  }

  /** Tokens that an epoch trains on. */
  get tokensPerEpoch(): number {
    return this.windows * this.#options.length;
  }

  get position(): Position {
    return { epoch: this.#epoch, window: this.#window, data: this.#data };
  }

  /** Goes on from a stored position; B may have changed. Errors: data/changed when the shards, T or the seed are others. */
  seek({ epoch, window, data }: Position): void {
    if (data !== this.#data)
      fail("data/changed", "the position in the data was stored with other shards, another sequence length or another seed", {
        help: "resume with the data, T and seed that the run was started with",
      });
    this.#epoch = epoch;
    this.#window = window;
  }

  /** Starts over, as validation does before each evaluation. */
  rewind(): void {
    this.#epoch = 0;
    this.#window = 0;
  }

  /** The next batch, in new arrays or in those of `into`. Errors: data/token for an id beyond the vocabulary. */
  next(into?: Batch): Batch {
    const { batch, length } = this.#options;
    const { tokens, targets } = into ?? { tokens: new Int32Array(batch * length), targets: new Int32Array(batch * length) };
    const row = new Int32Array(length + 1);
    for (let b = 0; b < batch; b++) {
      this.#readWindow(row);
      tokens.set(row.subarray(0, length), b * length);
      targets.set(row.subarray(1), b * length);
    }
    return { tokens, targets };
  }

  /** Leaves out so many batches, which other ranks take. */
  skip(batches: number): void {
    const window = this.#window + batches * this.#options.batch;
    this.#epoch += Math.floor(window / this.windows);
    this.#window = window % this.windows;
  }

  /** What the shards are, for comparing them between machines: a line each. */
  digests(): Record<string, string> {
    return Object.fromEntries(this.#shards.map((shard) => [basename(shard.path), digestOf(shard)]));
  }

  close(): void {
    for (const shard of this.#shards) shard.close();
  }

  /** Fills `row` with the T+1 tokens of the next window and moves on. */
  #readWindow(row: Int32Array): void {
    const { length, seed = 0, shuffle = true, vocabulary } = this.#options;
    const window = shuffle ? shuffled(this.#window, this.windows, scrambleAll(seed, this.#epoch)) : this.#window;
    const index = this.#shardOf(window);
    const shard = this.#shards[index] ?? fail("data/short", "there are no shards");
    const spare = (shard.tokens - 1) % length;
    const shift = shuffle ? scrambleAll(seed, this.#epoch, index) % (spare + 1) : 0;
    const from = (window - (this.#starts[index] ?? 0)) * length + shift;
    shard.read(from, length + 1, row);
    const wrong = firstBeyond(row, 0, row.length, vocabulary);
    if (wrong >= 0)
      fail(
        "data/token",
        `token ${from + wrong} of ${shard.path} has the id ${(row[wrong] ?? 0) >>> 0}; the model's vocabulary has the ids 0 to ${vocabulary - 1}`,
        {
          help: "the shards were made with another tokenizer than the model's, or are damaged: see `mlac data verify`",
        },
      );
    this.#window++;
    if (this.#window === this.windows) {
      this.#window = 0;
      this.#epoch++;
    }
  }

  /** The last shard that starts at or before the window. */
  #shardOf(window: number): number {
    let low = 0;
    for (let high = this.#starts.length; high - low > 1; ) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= window) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** Names without folders, so that data may be moved. */
function fingerprint({ length, seed = 0, shuffle = true }: BatchOptions, shards: readonly Shard[]): string {
  const parts = [length, seed, shuffle, ...shards.map(({ path, tokens, width }) => [basename(path), tokens, width])];
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 16);
}

/** Tokens of a block, and blocks that are looked at: enough to tell other data, and quick with shards of any size. */
const blockTokens = 2048;
const blocks = 16;

/** Of the number of tokens and of blocks spread evenly over the shard; of the whole of a small one. */
function digestOf(shard: Shard): string {
  const hash = createHash("sha256").update(`${shard.tokens} ${shard.width}`);
  const row = new Int32Array(Math.min(blockTokens, shard.tokens));
  const count = Math.min(blocks, Math.ceil(shard.tokens / row.length));
  for (let i = 0; i < count; i++) {
    const from = count === 1 ? 0 : Math.floor((i * (shard.tokens - row.length)) / (count - 1));
    shard.read(from, row.length, row);
    hash.update(row);
  }
  return hash.digest("hex").slice(0, 16);
}
