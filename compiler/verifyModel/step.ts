/** One whole training step on the GPU and on the CPU target, from the same weights and one random batch. */
import { createHash } from "node:crypto";
import { Random } from "../../runtime/random.js";
import { openSession, type Session } from "../../runtime/session.js";
import type { Built } from "../build.js";
import type { ManifestTensor } from "../manifest.js";
import { fillNormal, roundToBf16 } from "./numbers.js";

export interface StepLine {
  what: string;
  error: number;
  limit: number;
  ok: boolean;
  /** The tensor with the largest error, or another remark. */
  note: string;
}

const limits = { loss: 1e-2, balance: 1e-2, logits: 2e-2, gradient: 2e-2, norm: 1e-3, weight: 2e-2, length: 1 };
/** Elements of each weight whose change is measured. */
const STARTS = 65536;
/** Steps from the same state whose bits must agree. */
const REPEATS = 3;

/** Errors: plan/memory, run/*. */
export async function verifyStep(
  cuda: Built,
  cpu: Built,
  seed: number,
  threads: number,
  onLine: (line: StepLine) => void,
): Promise<StepLine[]> {
  const gpu = await openSession(cuda);
  try {
    const processor = await openSession(cpu, { threads });
    try {
      return await new Comparison(gpu, processor, seed, onLine).run();
    } finally {
      await processor.close();
    }
  } finally {
    await gpu.close();
  }
}

class Comparison {
  readonly #lines: StepLine[] = [];
  readonly #random: Random;
  /** The beginnings of all weights, before the update. */
  readonly #starts = new Map<string, Float32Array>();

  constructor(
    readonly gpu: Session,
    readonly cpu: Session,
    readonly seed: number,
    readonly onLine: (line: StepLine) => void,
  ) {
    this.#random = new Random(seed);
  }

  async run(): Promise<StepLine[]> {
    await this.#startAlike();
    const tokens = this.#ids();
    const targets = this.#ids();
    await this.#forwardOnly(tokens, targets);

    const ours = await this.gpu.microStep(tokens, targets, 1, true);
    const theirs = await this.cpu.microStep(tokens, targets, 1, true);
    this.#absolute("loss", ours.loss, theirs.loss, limits.loss);
    this.#absolute("balance loss", ours.balance, theirs.balance, limits.balance);
    const { moved, rows } = await this.#movedRows();
    // A row that is with another expert is missing in one gradient and too much in another. `moved` is the least number of them: two rows
    // that change places do not show in the loads.
    const limit = limits.gradient + (moved === 0 ? 0 : 3 * Math.sqrt((2 * moved) / rows));
    const note = moved === 0 ? "" : `; near ties sent ${moved} of ${rows} rows to other experts, which widens the limit`;
    await this.#worst("gradients", ["gradient"], limit, note);
    await this.#repeats(tokens, targets);

    // From here on both have the GPU's gradients: what the update makes of them is compared, and not once more how they differ.
    for (const { name } of this.#tensors(["gradient"]))
      await this.cpu.write(name, (await this.gpu.numbers(name)) as Float32Array<ArrayBuffer>);
    const clip = Number.MAX_VALUE ** 0.25;
    const ourNorm = (await this.gpu.update(1, 1, clip)).norm;
    const theirNorm = (await this.cpu.update(1, 1, clip)).norm;
    this.#add("norm of all gradients", Math.abs(ourNorm - theirNorm) / theirNorm, limits.norm, "");
    await this.#worst("weights after the update", ["parameter", "state"], limits.weight, "");
    await this.#changes();
    return this.#lines;
  }

  /** The CPU's weights, rounded to bf16 as the GPU reads them; constants get a little noise, so that no gain is 1 everywhere. */
  async #startAlike(): Promise<void> {
    await this.cpu.initialize(this.seed);
    const kinds = new Map(this.cpu.manifest.parameters.map((p) => [p.path, p]));
    for (const tensor of this.#tensors(["parameter", "state"])) {
      const values = (await this.cpu.numbers(tensor.name)) as Float32Array<ArrayBuffer>;
      const parameter = [...kinds.values()].find(({ path }) => path === tensor.name.replace(/\.\d+(?=\.)/g, ""));
      if (tensor.role === "parameter" && parameter?.init.kind === "constant") {
        const noise = fillNormal(new Float32Array(values.length), this.#random, 0.1);
        for (let i = 0; i < values.length; i++) values[i]! += noise[i]!;
      }
      roundToBf16(values);
      this.#starts.set(tensor.name, values.slice(0, STARTS));
      await this.cpu.write(tensor.name, values);
      await this.gpu.write(tensor.name, values);
    }
    await this.cpu.resetOptimizer();
    await this.gpu.resetOptimizer();
  }

  async #forwardOnly(tokens: Int32Array, targets: Int32Array): Promise<void> {
    const ours = await this.gpu.evaluate(tokens, targets);
    const theirs = await this.cpu.evaluate(tokens, targets);
    this.#absolute("loss of evaluate", ours.loss, theirs.loss, limits.loss);
    const at = Int32Array.from({ length: this.cpu.batch }, () => Math.floor(this.#random.next() * this.cpu.length));
    const got = (await this.gpu.predict(tokens, at)) as Float32Array;
    const wanted = (await this.cpu.predict(tokens, at)) as Float32Array;
    this.#add("logits of predict", relative(got, wanted), limits.logits, "");
  }

  /** How many rows went to other experts than on the CPU, in the layer with the most. */
  async #movedRows(): Promise<{ moved: number; rows: number }> {
    let worst = { moved: 0, rows: 1 };
    for (const { name, shape } of this.#tensors(["load"])) {
      if (!this.cpu.manifest.loads.includes(name)) continue;
      const [ours, theirs] = [await this.gpu.numbers(name), await this.cpu.numbers(name)];
      const experts = shape.at(-1)!;
      for (let from = 0; from < ours.length; from += experts) {
        let moved = 0;
        let rows = 0;
        for (let e = from; e < from + experts; e++) {
          moved += Math.abs(ours[e]! - theirs[e]!) / 2;
          rows += theirs[e]!;
        }
        if (moved > worst.moved) worst = { moved, rows };
      }
    }
    return worst;
  }

  async #repeats(tokens: Int32Array, targets: Int32Array): Promise<void> {
    const hashes = new Set<string>();
    for (let i = 0; i < REPEATS; i++) {
      const { loss, balance } = await this.gpu.microStep(tokens, targets, 1, true);
      const hash = createHash("sha256").update(`${loss} ${balance}`);
      for (const { name } of this.#tensors(["gradient"])) hash.update(await this.gpu.read(name));
      hashes.add(hash.digest("hex"));
    }
    const ordered = this.gpu.manifest.fuse["moeOut"] !== "scatter";
    const note = ordered ? "" : "; moeOut=scatter promises no order";
    this.#line({
      what: `${REPEATS} repeats`,
      error: hashes.size - 1,
      limit: 0,
      ok: hashes.size === 1 || !ordered,
      note: `${hashes.size} hash${hashes.size === 1 ? "" : "es"}${note}`,
    });
  }

  async #worst(what: string, roles: readonly ManifestTensor["role"][], limit: number, note: string): Promise<void> {
    let worst = { error: 0, name: "" };
    for (const { name } of this.#tensors(roles)) {
      const error = relative(await this.gpu.numbers(name), await this.cpu.numbers(name));
      if (!(error <= worst.error)) worst = { error, name };
      if (Number.isNaN(error)) break;
    }
    this.#add(what, worst.error, limit, `worst: ${worst.name}${note}`);
  }

  /**
   * How far the weights moved. Muon turns a gradient's rounding into steps in directions that the batch says nothing of, so the steps
   * themselves may differ much; but not their length.
   */
  async #changes(): Promise<void> {
    let worst = { error: 0, name: "" };
    for (const [name, start] of this.#starts) {
      const [ours, theirs] = [distance(await this.gpu.numbers(name), start), distance(await this.cpu.numbers(name), start)];
      const error = ours === theirs ? 0 : Math.abs(Math.log2(ours / theirs));
      if (!(error <= worst.error)) worst = { error, name };
    }
    this.#add("lengths of the update's steps", worst.error, limits.length, `worst: ${worst.name}, as a power of 2`);
  }

  #tensors(roles: readonly ManifestTensor["role"][]): ManifestTensor[] {
    return this.cpu.tensors().filter(({ role }) => roles.includes(role));
  }

  #ids(): Int32Array {
    return Int32Array.from({ length: this.cpu.batch * this.cpu.length }, () => Math.floor(this.#random.next() * this.cpu.vocabulary));
  }

  #absolute(what: string, got: number, wanted: number, limit: number): void {
    this.#add(what, Math.abs(got - wanted), limit, `${got.toPrecision(7)}, on the CPU ${wanted.toPrecision(7)}`);
  }

  #add(what: string, error: number, limit: number, note: string): void {
    this.#line({ what, error, limit, ok: error <= limit, note });
  }

  #line(line: StepLine): void {
    this.#lines.push(line);
    this.onLine(line);
  }
}

/** Of the first elements of `values` from `start`. */
function distance(values: ArrayLike<number>, start: Float32Array): number {
  let squares = 0;
  for (let i = 0; i < start.length; i++) squares += (values[i]! - start[i]!) ** 2;
  return Math.sqrt(squares);
}

/** ‖got − wanted‖ / ‖wanted‖ */
function relative(got: ArrayLike<number>, wanted: ArrayLike<number>): number {
  if (got.length !== wanted.length) return Number.POSITIVE_INFINITY;
  let apart = 0;
  let squares = 0;
  for (let i = 0; i < wanted.length; i++) {
    apart += (got[i]! - wanted[i]!) ** 2;
    squares += wanted[i]! ** 2;
  }
  return Math.sqrt(apart) / (Math.sqrt(squares) || 1);
}
