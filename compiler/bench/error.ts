/** How far a variant's step is from the same step in float64, which the CPU target takes with every choice at its plainest. */
import { join } from "node:path";
import { failOn, makeFolder } from "../../runtime/durable.js";
import type { BuildOptions } from "../build.js";
import { type Choices, resolveChoicesFor } from "../choices.js";
import { lowerModel } from "../compile.js";
import { MlacError } from "../diagnostics.js";
import type { Lowered } from "../lower/index.js";
import { fits } from "../memory.js";
import { root } from "../package.js";
import type { Bench } from "./context.js";
import type { ErrorOptions, StepError } from "./errorWorker.js";
import { Side } from "./side.js";
import { smallSizes } from "./small.js";
import { type Variant, variantOf } from "./variants.js";

const plainest = {
  mla: "materialize",
  crossEntropy: "full",
  moeIn: "gather",
  moeOut: "gatherSum",
  norm: "own",
  swiglu: "own",
  muon: "plain",
  recompute: "none",
} as const satisfies Choices;

export class Errors {
  readonly #bench: Bench;
  /** What was set to make the model smaller; empty if it is the model itself. */
  readonly sizes: Record<string, string>;
  readonly #build: BuildOptions;
  readonly #model: Lowered;
  #reference: Promise<string> | undefined;

  constructor(bench: Bench) {
    this.#bench = bench;
    this.sizes = smallSizes(bench.build, bench.model);
    const { measured: _, ...build } = bench.build;
    this.#build = { ...build, set: { ...build.set, ...this.sizes } };
    this.#model = Object.keys(this.sizes).length === 0 ? bench.model : lowerModel(this.#build);
  }

  /** Or why there is none. */
  async of(choices: Choices): Promise<StepError | string> {
    const { store, threads, make, place } = this.#bench;
    let variant: Variant;
    try {
      variant = variantOf(this.#build, this.#model, choices, threads);
      const name = `error ${variant.key}`;
      const known = store.get<StepError>(name);
      if (known) return known;
      const exchange = await this.#makeReference();
      const own = Object.keys(this.sizes).length === 0;
      const built = await make({ ...this.#build, fuse: { ...variant.choices }, out: place(own ? "model" : "small") });
      const error = await run<StepError>({ directory: built.directory, threads, exchange, write: false, halves: this.#halves });
      await store.put(name, error);
      return error;
    } catch (error) {
      if (error instanceof MlacError) return error.message.split("\n")[0] ?? "";
      throw error;
    }
  }

  get #halves(): boolean {
    return this.#build.target === "cuda";
  }

  /** The folder of the float64 step. */
  #makeReference(): Promise<string> {
    this.#reference ??= this.#takeReference();
    return this.#reference;
  }

  async #takeReference(): Promise<string> {
    const { threads, make, place, store, note } = this.#bench;
    const { arch: _, ...rest } = this.#build;
    const build: BuildOptions = { ...rest, target: "cpu", dtype: "f64" };
    const variant = variantOf(build, this.#model, { ...resolveChoicesFor("cpu"), ...plainest }, threads);
    const exchange = `${place("reference")}-${variant.key.slice(0, 12)}`;
    const name = `reference ${variant.key} ${this.#halves}`;
    if (store.get(name) !== undefined) return exchange;
    if (!fits(variant.manifest.memory, threads))
      throw new MlacError([{ slug: "plan/memory", message: "float64 does not fit into this machine's memory", frames: [] }]);
    note("taking the step in float64 that errors are measured against");
    await makeFolder(exchange).catch((error: unknown) => failOn(error, "run/write", `${exchange} cannot be made`));
    const built = await make({ ...build, fuse: { ...variant.choices }, out: join(exchange, "build") });
    await store.put(name, await run({ directory: built.directory, threads, exchange, write: true, halves: this.#halves }));
    return exchange;
  }
}

async function run<Answer>(options: ErrorOptions): Promise<Answer> {
  const command = [process.execPath, join(root, "dist/compiler/bench/errorWorker.js"), JSON.stringify(options)];
  const { side, facts } = await Side.start<Answer>("the step against float64", command);
  await side.close();
  return facts;
}
