/**
 * Holds a built model against a fixture: a folder with weights, batches, and what PyTorch in float64 made of them.
 * The model is test/fixture/model.ts at the fixture's sizes, whatever they are.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../compiler/build.js";
import { root } from "../compiler/package.js";
import type { Real } from "../compiler/target.js";
import { openSafetensors, type SafetensorsFile } from "./safetensors.js";
import { openSession, type Session } from "./session.js";

interface Fixture {
  sizes: Record<string, number>;
  hyper: Record<string, number | string>;
  steps: { loss: number; cross_entropy: number; balance: number; grad_norm: number }[];
}

/** The largest error of each kind. Losses and norms: absolute; tensors: norm of the difference over the norm; loads: experts that differ. */
export interface FixtureErrors {
  dtype: Real;
  loss: number;
  balance: number;
  gradNorm: number;
  logits: number;
  gradient: { error: number; name: string };
  weight: { error: number; name: string };
  loads: number;
}

export const bounds = {
  f32: { loss: 1e-5, balance: 1e-5, gradNorm: 1e-4, logits: 1e-4, gradient: 1e-4, weight: 1e-4, loads: 0 },
  f64: { loss: 1e-9, balance: 1e-9, gradNorm: 1e-9, logits: 1e-9, gradient: 1e-9, weight: 1e-9, loads: 0 },
  // A token whose scores nearly tie may go to another expert.
  bf16: { loss: 1e-2, balance: 1e-2, gradNorm: 2e-2, logits: 2e-2, gradient: 2e-2, weight: 2e-2, loads: 4 },
} as const satisfies Record<Real, object>;

export interface FixtureOptions {
  fuse?: Record<string, string>;
  threads?: number;
  /** Where builds go. */
  out: string;
  onProgress?: (text: string) => void;
}

export async function runFixture(directory: string, dtype: Real, options: FixtureOptions): Promise<FixtureErrors> {
  const fixture = JSON.parse(readFileSync(join(directory, "fixture.json"), "utf8")) as Fixture;
  const built = await build({
    model: join(root, "test/fixture/model.ts"),
    target: dtype === "bf16" ? "cuda" : "cpu",
    dtype,
    fuse: options.fuse ?? {},
    set: settings(fixture),
    out: join(options.out, dtype),
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  });
  const session = await openSession(built, { threads: options.threads ?? 0 });
  const files = ["weights", "batch", "step1", "final"].map((name) => openSafetensors(join(directory, `${name}.safetensors`)));
  try {
    return await new FixtureRun(
      session,
      fixture,
      files as [SafetensorsFile, SafetensorsFile, SafetensorsFile, SafetensorsFile],
      dtype,
    ).run();
  } finally {
    for (const file of files) file.close();
    await session.close();
  }
}

/** The fixture's sizes and hyper-parameters under the names of test/fixture/model.ts. */
function settings({ sizes, hyper }: Fixture): Record<string, string> {
  const { L, ...rest } = sizes;
  const words = Object.entries({ ...rest, layers: L, ...hyper }).map(([name, value]) => [name, String(value)]);
  return Object.fromEntries(words);
}

class FixtureRun {
  constructor(
    readonly session: Session,
    readonly fixture: Fixture,
    readonly files: readonly [weights: SafetensorsFile, batch: SafetensorsFile, step1: SafetensorsFile, final: SafetensorsFile],
    readonly dtype: Real,
  ) {}

  async run(): Promise<FixtureErrors> {
    const [weights, , step1, final] = this.files;
    for (const name of weights.tensors.keys()) await this.session.write(this.#ours(name), this.#bytes(weights.numbers(name)));
    const errors: FixtureErrors = {
      dtype: this.dtype,
      loss: 0,
      balance: 0,
      gradNorm: 0,
      logits: 0,
      gradient: { error: 0, name: "" },
      weight: { error: 0, name: "" },
      loads: 0,
    };
    errors.logits = relative(await this.#logits(), step1.numbers("logits"), this.dtype);
    for (const [i, expected] of this.fixture.steps.entries()) {
      const [tokens, targets] = this.#batch(i);
      const { loss, balance } = await this.session.microStep(tokens, targets, 1, true);
      errors.loss = Math.max(errors.loss, Math.abs(loss - expected.cross_entropy));
      errors.balance = Math.max(errors.balance, Math.abs(balance - expected.balance));
      if (i === 0) {
        errors.gradient = await this.#worst(step1, "grad.", (name) => `grad.${this.#ours(name)}`);
        errors.loads = await this.#loads(step1);
      }
      const { norm } = await this.session.update(i + 1, 1, Number(this.fixture.hyper.clip ?? 0));
      errors.gradNorm = Math.max(errors.gradNorm, Math.abs(norm - expected.grad_norm));
    }
    errors.weight = await this.#worst(final, "", (name) => this.#ours(name));
    return errors;
  }

  /** "layers.3.attn.q" of the script: the first `dense` layers are a stack of their own here. */
  #ours(name: string): string {
    const dense = this.fixture.sizes.dense ?? 0;
    return name.replace(/^layers\.(\d+)\./, (_, layer: string) =>
      Number(layer) < dense ? `dense.${layer}.` : `layers.${Number(layer) - dense}.`,
    );
  }

  #batch(step: number): [Int32Array, Int32Array] {
    const { B = 0, T = 0 } = this.fixture.sizes;
    const part = (name: string): Int32Array => Int32Array.from(this.files[1].numbers(name).subarray(step * B * T, (step + 1) * B * T));
    return [part("tokens"), part("targets")];
  }

  /** The first sequence's logits, one position at a time: what generation does. */
  async #logits(): Promise<Float64Array> {
    const { T = 0, B = 0, V = 0 } = this.fixture.sizes;
    const [tokens] = this.#batch(0);
    const all = new Float64Array(T * V);
    for (let t = 0; t < T; t++) all.set((await this.session.predict(tokens, new Int32Array(B).fill(t))).subarray(0, V), t * V);
    return all;
  }

  async #worst(file: SafetensorsFile, prefix: string, ours: (name: string) => string): Promise<{ error: number; name: string }> {
    let worst = { error: 0, name: "" };
    for (const name of file.tensors.keys()) {
      if (!name.startsWith(prefix) || (prefix === "" && name === "logits")) continue;
      const got = await this.session.numbers(ours(name.slice(prefix.length)));
      const error = relative(got, file.numbers(name), this.dtype);
      if (!(error <= worst.error)) worst = { error, name };
    }
    return worst;
  }

  async #loads(file: SafetensorsFile): Promise<number> {
    let wrong = 0;
    const dense = this.fixture.sizes.dense ?? 0;
    const { E = 0 } = this.fixture.sizes;
    for (const name of file.tensors.keys()) {
      if (!name.startsWith("load.")) continue;
      const layer = Number(name.slice("load.".length)) - dense;
      const [load] = this.session.manifest.loads;
      const got = (await this.session.numbers(load!)).subarray(layer * E, (layer + 1) * E);
      const expected = file.numbers(name);
      wrong += expected.filter((n, e) => n !== got[e]).length;
    }
    return wrong;
  }

  #bytes(values: Float64Array): Uint8Array {
    const typed = this.dtype === "f64" ? values : Float32Array.from(values);
    return new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength);
  }
}

/** ‖got − expected‖ / ‖expected‖. The files hold float32, so a float64 result is rounded like them before it is compared. */
function relative(got: ArrayLike<number>, expected: Float64Array, dtype: Real): number {
  if (got.length !== expected.length) return Number.POSITIVE_INFINITY;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    const value = dtype === "f64" ? Math.fround(got[i]!) : got[i]!;
    difference += (value - expected[i]!) ** 2;
    norm += expected[i]! ** 2;
  }
  return Math.sqrt(difference) / (Math.sqrt(norm) || 1);
}

/** The kinds of error that are beyond their bound. */
export function violations(errors: FixtureErrors): string[] {
  const limit = bounds[errors.dtype];
  const values = { ...errors, gradient: errors.gradient.error, weight: errors.weight.error };
  return (Object.keys(limit) as (keyof typeof limit)[]).filter((kind) => !(values[kind] <= limit[kind]));
}
