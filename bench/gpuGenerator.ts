/** A CUDA build that generates, opened for measurements: what runtime/native/cuda/generate/generator_extra.h adds to decode.h. */
import koffi, { type LibraryHandle } from "koffi";
import type { KernelTime } from "../runtime/session.js";

export type Part = "prefill" | "decode" | "sample";
const numbers: Readonly<Record<Part, number>> = { prefill: 0, decode: 1, sample: 2 };

export class GpuGenerator {
  readonly #library: LibraryHandle;
  readonly #generator: unknown;

  constructor(library: string) {
    this.#library = koffi.load(library);
    this.#generator = this.#library.func("void *mlac_generator_open(int32_t threads)")(0);
    if (!this.#generator) throw new Error(this.#library.func("const char *mlac_generator_last_error(void *generator)")(null) as string);
  }

  device(): string {
    return this.#library.func("const char *mlac_generator_device(void *generator)")(this.#generator) as string;
  }

  /** Normal weights, gains of one, drawn on the device. */
  draw(seed: number, std: number): void {
    this.#call("int32_t mlac_generator_draw(void *generator, uint64_t seed, double std)", BigInt(seed), std);
  }

  fillCache(seed: number): void {
    this.#call("int32_t mlac_generator_fill_cache(void *generator, uint64_t seed)", BigInt(seed));
  }

  prefill(tokens: Int32Array, counts: Int32Array, slots: Int32Array): void {
    this.#call(
      "int32_t mlac_prefill(void *generator, const int32_t *tokens, const int32_t *counts, const int32_t *slots)",
      tokens,
      counts,
      slots,
    );
  }

  decode(tokens: Int32Array, slots: Int32Array, positions: Int32Array): void {
    this.#call(
      "int32_t mlac_decode(void *generator, const int32_t *tokens, const int32_t *slots, const int32_t *positions)",
      tokens,
      slots,
      positions,
    );
  }

  /** Draws a token for each row in the same way; gives the tokens. */
  sample(rows: number, temperature: number, topK: number, topP: number): Int32Array {
    const tokens = new Int32Array(rows);
    this.#call(
      "int32_t mlac_sample(void *generator, const double *temperatures, const int32_t *top_k, const double *top_p, const uint64_t *seeds, const int64_t *steps, int32_t *sampled, double *log_probabilities)",
      new Float64Array(rows).fill(temperature),
      new Int32Array(rows).fill(topK),
      new Float64Array(rows).fill(topP),
      BigUint64Array.from({ length: rows }, (_, i) => BigInt(i)),
      new BigInt64Array(rows),
      tokens,
      new Float64Array(rows),
    );
    return tokens;
  }

  logits(count: number): Float32Array {
    const logits = new Float32Array(count);
    this.#call("int32_t mlac_logits(void *generator, void *logits)", logits);
    return logits;
  }

  /** Median milliseconds on the device of the last such call, run again. */
  time(part: Part, rounds: number): number {
    const times = new Float32Array(rounds);
    this.#call(
      "int32_t mlac_generator_time(void *generator, int32_t what, int32_t rounds, float *milliseconds)",
      numbers[part],
      rounds,
      times,
    );
    return times.sort()[Math.floor(rounds / 2)]!;
  }

  /** Where its time goes, kernel by kernel; launched one by one, so that each waits for the one before. */
  profile(part: Exclude<Part, "sample">, rounds: number): KernelTime[] {
    const text = Buffer.alloc(1 << 16);
    this.#call(
      "int32_t mlac_generator_profile(void *generator, int32_t what, int32_t rounds, char *text, int64_t bytes)",
      numbers[part],
      rounds,
      text,
      BigInt(text.length),
    );
    const lines = text.toString("utf8", 0, text.indexOf(0)).trim().split("\n");
    return lines.map((line) => {
      const [name = "", calls, milliseconds] = line.split("\t");
      return { name, calls: Number(calls), milliseconds: Number(milliseconds) };
    });
  }

  /** Bytes a second. */
  copySpeed(): number {
    const report = new Float64Array(1);
    this.#call("int32_t mlac_generator_copy_speed(void *generator, int32_t rounds, double *report)", 9, report);
    return report[0]!;
  }

  cacheBytes(): number {
    return Number(this.#library.func("int64_t mlac_cache_bytes(void *generator)")(this.#generator));
  }

  close(): void {
    this.#library.func("void mlac_generator_close(void *generator)")(this.#generator);
  }

  #call(prototype: string, ...given: unknown[]): void {
    if ((this.#library.func(prototype)(this.#generator, ...given) as number) === 0) return;
    throw new Error(this.#library.func("const char *mlac_generator_last_error(void *generator)")(this.#generator) as string);
  }
}
