/** The binding of runtime/native/decode.h: one method a function, each off the event loop. */
import { fail } from "../compiler/diagnostics.js";
import type { Target } from "../compiler/target.js";
import { type Bytes, loadFunctions, type NativeFunction } from "./native.js";
import { chooseWaiting } from "./waiting.js";

const rows = "const int32_t *";
const prototypes = {
  open: "void *mlac_generator_open(int32_t threads)",
  close: "void mlac_generator_close(void *generator)",
  lastError: "const char *mlac_generator_last_error(void *generator)",
  read: "int32_t mlac_generator_read(void *generator, const char *name, void *out, int64_t bytes)",
  write: "int32_t mlac_generator_write(void *generator, const char *name, const void *data, int64_t bytes)",
  prefill: `int32_t mlac_prefill(void *generator, ${rows}tokens, ${rows}counts, ${rows}slots)`,
  decode: `int32_t mlac_decode(void *generator, ${rows}tokens, ${rows}slots, ${rows}positions)`,
  sample:
    "int32_t mlac_sample(void *generator, const double *temperatures, const int32_t *top_k, const double *top_p, const uint64_t *seeds, const int64_t *steps, int32_t *sampled, double *log_probabilities)",
  logits: "int32_t mlac_logits(void *generator, void *logits)",
  cacheBytes: "int64_t mlac_cache_bytes(void *generator)",
} as const;

type Name = keyof typeof prototypes;
type Argument = bigint | number | string | Bytes | BigUint64Array | BigInt64Array;

export class NativeGenerator {
  readonly #functions: Partial<Record<Name, NativeFunction>>;
  #generator: bigint | undefined;
  /** Calls on one generator must not overlap: each waits for the one before. */
  #last: Promise<unknown> = Promise.resolve();

  private constructor(library: string) {
    this.#functions = loadFunctions(library, prototypes);
  }

  /** Errors: run/load, run/memory, run/gpu. threads 0: one a processor; a GPU does not ask. */
  static async open(library: string, threads: number, target: Target): Promise<NativeGenerator> {
    if (target === "cpu") await chooseWaiting();
    const native = new NativeGenerator(library);
    const generator = (await native.#call("open", threads)) as bigint | null;
    if (!generator) {
      const why = ((await native.#call("lastError", null as never)) as string | null) ?? "the model could not be opened";
      const memory = target === "cpu" || /memory/i.test(why);
      fail(memory ? "run/memory" : "run/gpu", why, {
        help: memory
          ? "a smaller --context or fewer --rows need less; `mlac plan --decode` says how much"
          : "`mlac doctor` says what is there; --target cpu takes the processor",
      });
    }
    native.#generator = generator as bigint;
    return native;
  }

  /** Waits for the call in progress. Closing twice does nothing. */
  async close(): Promise<void> {
    const generator = this.#generator;
    if (generator === undefined) return;
    this.#generator = undefined;
    await this.#call("close", generator);
  }

  /** Calls a function that answers 0 on success. Errors: run/failed, with the library's sentence. */
  async run(name: Exclude<Name, "open" | "close" | "lastError" | "cacheBytes">, ...given: Argument[]): Promise<void> {
    const generator = this.#opened();
    if ((await this.#call(name, generator, ...given)) === 0) return;
    const why = (await this.#call("lastError", generator)) as string | null;
    fail("run/failed", why ?? `the built model failed in ${name} without saying why`);
  }

  async cacheBytes(): Promise<number> {
    return Number(await this.#call("cacheBytes", this.#opened()));
  }

  #opened(): bigint {
    return this.#generator ?? fail("run/closed", "the model was used after it was closed");
  }

  #call(name: Name, ...given: Argument[]): Promise<unknown> {
    const result = this.#last.then(
      () =>
        new Promise((settle, refuse) => {
          this.#functions[name]!.async(...given, (error: unknown, value: unknown) => (error ? refuse(error) : settle(value)));
        }),
    );
    this.#last = result.catch(() => undefined);
    return result;
  }
}
