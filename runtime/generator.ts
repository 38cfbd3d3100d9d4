/** A model built for generating, opened: the manifest's sizes and names in front of the native calls. */
import { fail } from "../compiler/diagnostics.js";
import type { ManifestGeneration } from "../compiler/manifest.js";
import { binary, fits, machineMemory, totalBytes } from "../compiler/memory.js";
import type { TensorStore } from "./checkpoint.js";
import { NativeGenerator } from "./nativeGenerator.js";
import type { BuiltModel, Numbers } from "./session.js";

/** One token to go through the model. */
export interface Row {
  token: number;
  slot: number;
  position: number;
}

/** The beginning of a request, all its tokens at once. */
export interface Beginning {
  tokens: ArrayLike<number>;
  slot: number;
}

/** How a token is drawn; see mlac_sample in runtime/native/decode.h. */
export interface Draw {
  temperature: number;
  /** 0: all. */
  topK: number;
  /** 1: all. */
  topP: number;
  seed: bigint;
  /** Which of the request's tokens it is; with the seed it decides the random number. */
  step: number;
}

export interface Drawn {
  token: number;
  /** Nats, by softmax of the logits as they are. */
  logProbability: number;
}

/** Takes the most likely token. */
const mostLikely: Draw = { temperature: 0, topK: 0, topP: 1, seed: 0n, step: 0 };

/** Takes the model's memory; weights and cache are zero. Errors: plan/memory, run/load, run/memory, run/gpu. */
export async function openGenerator(built: BuiltModel, options: { threads?: number } = {}): Promise<Generator> {
  const { memory, model, target, generation } = built.manifest;
  if (!generation) throw new Error(`${built.library} was not built for generating`);
  if (target === "cpu" && !fits(memory, options.threads))
    fail("plan/memory", `${model} needs ${binary(totalBytes(memory, options.threads))}; this machine has ${binary(machineMemory())}`, {
      help: "a smaller --context or fewer --rows need less; `mlac plan --decode` says how much",
    });
  return new Generator(built, generation, await NativeGenerator.open(built.library, options.threads ?? 0, target));
}

export class Generator {
  readonly sizes: ManifestGeneration;
  readonly vocabulary: number;
  readonly #built: BuiltModel;
  readonly #native: NativeGenerator;
  /** Rows of logits that there are now. */
  #rows = 0;

  constructor(built: BuiltModel, sizes: ManifestGeneration, native: NativeGenerator) {
    this.#built = built;
    this.sizes = sizes;
    this.#native = native;
    this.vocabulary = built.manifest.tokens.vocabulary;
  }

  /** The weights, as checkpoints want them. */
  weights(): TensorStore {
    const { tensors } = this.#built.manifest;
    const sizes = new Map(tensors.map(({ name, bytes }) => [name, bytes]));
    return {
      names: () => tensors.map(({ name, dtype, shape }) => ({ name, dtype, shape })),
      read: async (name) => {
        const bytes = new Uint8Array(sizes.get(name) ?? fail("run/tensor", `the model has no tensor "${name}"`));
        await this.#native.run("read", name, bytes, BigInt(bytes.length));
        return bytes;
      },
      write: (name, bytes) => this.#native.run("write", name, bytes, BigInt(bytes.length)),
    };
  }

  /** The first tokens of up to `sizes.sequences` requests; afterwards there are logits of the last token of each. */
  async prefill(beginnings: readonly Beginning[]): Promise<void> {
    const { sequences, window } = this.sizes;
    const tokens = new Int32Array(sequences * window);
    const counts = new Int32Array(sequences);
    const slots = new Int32Array(sequences).fill(-1);
    beginnings.forEach((one, i) => {
      tokens.set(one.tokens, i * window);
      counts[i] = one.tokens.length;
      slots[i] = one.slot;
    });
    await this.#native.run("prefill", tokens, counts, slots);
    this.#rows = sequences;
  }

  /** One more token each of up to `sizes.rows` rows; several may be of one request, if they are its next ones. */
  async decode(rows: readonly Row[]): Promise<void> {
    const tokens = new Int32Array(this.sizes.rows);
    const slots = new Int32Array(this.sizes.rows).fill(-1);
    const positions = new Int32Array(this.sizes.rows);
    rows.forEach(({ token, slot, position }, i) => {
      tokens[i] = token;
      slots[i] = slot;
      positions[i] = position;
    });
    await this.#native.run("decode", tokens, slots, positions);
    this.#rows = this.sizes.rows;
  }

  /** A token for each of the rows that there are; undefined stands for rows whose token nobody wants. Errors: run/failed. */
  async sample(draws: readonly (Draw | undefined)[]): Promise<Drawn[]> {
    const all = Array.from({ length: this.#rows }, (_, i) => draws[i] ?? mostLikely);
    const tokens = new Int32Array(this.#rows);
    const logProbabilities = new Float64Array(this.#rows);
    await this.#native.run(
      "sample",
      Float64Array.from(all, (d) => d.temperature),
      Int32Array.from(all, (d) => d.topK),
      Float64Array.from(all, (d) => d.topP),
      BigUint64Array.from(all, (d) => d.seed),
      BigInt64Array.from(all, (d) => BigInt(d.step)),
      tokens,
      logProbabilities,
    );
    return draws.map((_, i) => ({ token: tokens[i]!, logProbability: logProbabilities[i]! }));
  }

  /** [rows, V] of the last prefill or decode. */
  async logits(): Promise<Numbers> {
    const count = this.#rows * this.vocabulary;
    const logits = this.#built.manifest.dtype === "f64" ? new Float64Array(count) : new Float32Array(count);
    await this.#native.run("logits", logits);
    return logits;
  }

  /** Bytes of the cache as it was allocated, all slots together. */
  cacheBytes(): Promise<number> {
    return this.#native.cacheBytes();
  }

  close(): Promise<void> {
    return this.#native.close();
  }
}
