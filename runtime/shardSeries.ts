/** Shards that follow each other, each full but the last; documents go on from one to the next. */
import { ShardWriter, type Width } from "./shards.js";

export interface WrittenShard {
  path: string;
  tokens: number;
}

export class ShardSeries {
  /** In all shards. */
  tokens = 0;
  readonly #prefix: string;
  readonly #width: Width;
  readonly #shardTokens: number;
  readonly #done: WrittenShard[] = [];
  #writer: ShardWriter | undefined;

  /** Shards are `<prefix>000000.bin` and so on, of `shardTokens` tokens. */
  constructor(prefix: string, width: Width, shardTokens: number) {
    this.#prefix = prefix;
    this.#width = width;
    this.#shardTokens = shardTokens;
  }

  async append(ids: Uint32Array): Promise<void> {
    for (let from = 0; from < ids.length; ) {
      this.#writer ??= await ShardWriter.create(`${this.#prefix}${String(this.#done.length).padStart(6, "0")}.bin`, this.#width);
      const part = ids.subarray(from, from + this.#shardTokens - this.#writer.tokens);
      await this.#writer.append(part);
      from += part.length;
      this.tokens += part.length;
      if (this.#writer.tokens === this.#shardTokens) await this.#close();
    }
  }

  /** Closes the last one; gives all of them. */
  async finish(): Promise<WrittenShard[]> {
    await this.#close();
    return this.#done;
  }

  async abandon(): Promise<void> {
    await this.#writer?.abandon();
  }

  async #close(): Promise<void> {
    if (this.#writer === undefined) return;
    await this.#writer.finish();
    this.#done.push({ path: this.#writer.path, tokens: this.#writer.tokens });
    this.#writer = undefined;
  }
}
