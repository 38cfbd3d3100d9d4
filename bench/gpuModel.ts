/** A CUDA build, opened for measurements: what runtime/native/cuda/extra.h adds to the session's interface. */
import koffi, { type LibraryHandle } from "koffi";

export class GpuModel {
  readonly #library: LibraryHandle;
  readonly #session: unknown;

  constructor(library: string) {
    this.#library = koffi.load(library);
    this.#session = this.#library.func("void *mlac_open(int32_t threads)")(0);
    if (!this.#session) throw new Error(this.#library.func("const char *mlac_last_error(void *session)")(null) as string);
  }

  device(): string {
    return this.#library.func("const char *mlac_device(void *session)")(this.#session) as string;
  }

  initialize(seed: number): void {
    this.#call("int32_t mlac_initialize(void *session, uint64_t seed)", BigInt(seed));
  }

  write(name: string, data: Float32Array): void {
    this.#call("int32_t mlac_write(void *session, const char *name, const void *data, int64_t bytes)", name, data, BigInt(data.byteLength));
  }

  read(name: string, count: number): Float32Array {
    const data = new Float32Array(count);
    this.#call("int32_t mlac_read(void *session, const char *name, void *out, int64_t bytes)", name, data, BigInt(data.byteLength));
    return data;
  }

  /** Cross entropy and balance loss. */
  microStep(tokens: Int32Array, targets: Int32Array): [number, number] {
    const report = new Float64Array(2);
    this.#call(
      "int32_t mlac_micro_step(void *session, const int32_t *tokens, const int32_t *targets, double loss_scale, int32_t first, int32_t last, double *report)",
      tokens,
      targets,
      1,
      1,
      1,
      report,
    );
    return [report[0]!, report[1]!];
  }

  /** The norm of the gradients. */
  update(step: number, clip = 0): number {
    const report = new Float64Array(1);
    this.#call("int32_t mlac_update(void *session, int64_t step, double rate, double clip, double *report)", BigInt(step), 1, clip, report);
    return report[0]!;
  }

  /** Median milliseconds of a micro-step and of an update on the device. */
  time(rounds: number): { microStep: number; update: number } {
    const report = new Float64Array(2);
    this.#call("int32_t mlac_time(void *session, int32_t rounds, double *report)", rounds, report);
    return { microStep: report[0]!, update: report[1]! };
  }

  /** The version of cuBLASLt, 130002 for 13.0.2, or 0. */
  cublasLt(): number {
    return Number(this.#library.func("int64_t mlac_cublaslt(void *session)")(this.#session));
  }

  /** Measures the candidates of every contraction and takes the fastest: a line a kernel. */
  tune(tokens: Int32Array, targets: Int32Array, rounds: number): string {
    const text = Buffer.alloc(1 << 18);
    this.#call(
      "int32_t mlac_tune(void *session, const int32_t *tokens, const int32_t *targets, int32_t rounds, char *text, int64_t bytes)",
      tokens,
      targets,
      rounds,
      text,
      BigInt(text.length),
    );
    return text.toString("utf8", 0, text.indexOf(0));
  }

  /** Lines of kernel, tab, way; the others get the automatic one. */
  setChoices(text: string): void {
    this.#call("int32_t mlac_set_choices(void *session, const char *text)", text);
  }

  close(): void {
    this.#library.func("void mlac_close(void *session)")(this.#session);
  }

  #call(prototype: string, ...given: unknown[]): void {
    if ((this.#library.func(prototype)(this.#session, ...given) as number) === 0) return;
    throw new Error(this.#library.func("const char *mlac_last_error(void *session)")(this.#session) as string);
  }
}
