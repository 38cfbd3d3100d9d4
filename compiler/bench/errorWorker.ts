/**
 * One step against float64, in a process of its own: `node errorWorker.js '{"directory": …, "exchange": …, "write": true}'` takes the step
 * and writes weights, batch, gradients and the weights' movement; without `write`, another build takes the same step and says how far off
 * it is.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Random } from "../../runtime/random.js";
import { openSafetensors, type TensorInfo, writeSafetensors } from "../../runtime/safetensors.js";
import { openSession, type Session } from "../../runtime/session.js";
import type { Manifest } from "../manifest.js";
import { fillNormal, roundToBf16 } from "../verifyModel/numbers.js";

export interface ErrorOptions {
  directory: string;
  threads: number;
  /** The folder of what is compared with. */
  exchange: string;
  write: boolean;
  /** Weights that bfloat16 has, so that both start from the same. */
  halves: boolean;
}

/** Against the float64 reference. Errors of tensors are norms: ‖got − wanted‖ / ‖wanted‖. */
export interface StepError {
  /** Nats. */
  loss: number;
  /** Of all gradients together, and the one that is furthest off. */
  gradients: number;
  worst: { name: string; error: number };
  /** How far the optimizer moves the matrices of Muon, or all weights where there are none, from the same gradients. */
  update: number;
}

type Reals = Float32Array<ArrayBuffer>;

const options = JSON.parse(process.argv[2] ?? "{}") as ErrorOptions;
const file = (name: string): string => join(options.exchange, `${name}.safetensors`);

/** Floats suffice to compare with: they are off by less than any sum of floats. */
async function write(session: Session): Promise<{ loss: number }> {
  const { batch, length, vocabulary, manifest } = session;
  const random = new Random(5);
  await session.initialize(manifest.plan.seed);
  const constant = new Set(manifest.parameters.filter((p) => p.init.kind === "constant").map(({ path }) => path));
  for (const { name, role } of weights(session)) {
    const values = Float32Array.from(await session.numbers(name));
    // A gain of 1 everywhere would hide what is multiplied by the wrong one.
    const noise = role === "parameter" && constant.has(pathOf(name)) ? fillNormal(new Float32Array(values.length), random, 0.1) : undefined;
    for (let i = 0; noise && i < values.length; i++) values[i]! += noise[i]!;
    if (options.halves) roundToBf16(values);
    await session.write(name, Float64Array.from(values));
  }
  const ids = (): Int32Array => Int32Array.from({ length: batch * length }, () => random.bits() % vocabulary);
  const given: Record<string, Int32Array> = { tokens: ids(), targets: ids() };
  const loss = await session.microStep(given["tokens"]!, given["targets"]!, 1, true);
  const floats = async (name: string): Promise<Uint8Array> => bytesOf(Float32Array.from(await session.numbers(name)));
  const asFloats = (tensor: TensorInfo): TensorInfo => ({ name: tensor.name, dtype: "F32", shape: tensor.shape });
  const shape = [batch, length];
  const tensors = Object.keys(given).map((name): TensorInfo => ({ name, dtype: "I32", shape }));
  await writeSafetensors(file("batch"), tensors, (name) => bytesOf(given[name]!), { metadata: { loss: String(loss.loss) } });
  await writeSafetensors(file("start"), weights(session).map(asFloats), floats);
  await writeSafetensors(file("gradients"), gradients(session).map(asFloats), floats);
  const before = new Map<string, Float64Array>();
  for (const { name } of moving(session)) before.set(name, Float64Array.from(await session.numbers(name)));
  await session.update(1, 1, 0);
  await writeSafetensors(file("moved"), moving(session).map(asFloats), async (name) => {
    const [from, to] = [before.get(name)!, await session.numbers(name)];
    return bytesOf(Float32Array.from(from, (x, i) => to[i]! - x));
  });
  return { loss: loss.loss };
}

async function compare(session: Session): Promise<StepError> {
  const [start, batch, wanted, moved] = ["start", "batch", "gradients", "moved"].map((name) => openSafetensors(file(name)));
  const ids = (name: string): Int32Array => new Int32Array(batch!.read(name).buffer as ArrayBuffer);
  const floats = (from: typeof start, name: string): Reals => new Float32Array(from!.read(name).buffer as ArrayBuffer);
  for (const { name } of weights(session)) await session.write(name, floats(start, name));
  await session.resetOptimizer();
  const { loss } = await session.microStep(ids("tokens"), ids("targets"), 1, true);
  const all = new Difference();
  let worst = { name: "", error: 0 };
  for (const { name } of gradients(session)) {
    const one = new Difference();
    const reference = floats(wanted, name);
    one.add((await session.numbers(name)) as Reals, reference);
    all.join(one);
    if (!(one.error <= worst.error)) worst = { name, error: one.error };
    // From here on both have the same gradients.
    await session.write(name, reference);
  }
  await session.update(1, 1, 0);
  const movement = new Difference();
  for (const { name } of moving(session)) {
    const from = floats(start, name);
    const to = await session.numbers(name);
    movement.add(
      from.map((x, i) => to[i]! - x),
      floats(moved, name),
    );
  }
  return {
    loss: Math.abs(loss - Number(batch!.metadata.get("loss"))),
    gradients: all.error,
    worst,
    update: movement.error,
  };
}

/** Sums of squares, as long as tensors come. */
class Difference {
  #apart = 0;
  #whole = 0;

  add(got: Reals, wanted: Reals): void {
    for (let i = 0; i < wanted.length; i++) {
      this.#apart += (got[i]! - wanted[i]!) ** 2;
      this.#whole += wanted[i]! ** 2;
    }
  }

  join(other: Difference): void {
    this.#apart += other.#apart;
    this.#whole += other.#whole;
  }

  get error(): number {
    return Math.sqrt(this.#apart) / (Math.sqrt(this.#whole) || 1);
  }
}

function weights(session: Session) {
  return session.tensors().filter(({ role }) => role === "parameter" || role === "state");
}

function gradients(session: Session) {
  return session.tensors().filter(({ role }) => role === "gradient");
}

/** "layers.0.attn.q" is of "layers.attn.q". */
function pathOf(name: string): string {
  return name.replace(/\.\d+(?=\.|$)/g, "");
}

function moving(session: Session) {
  const byMuon = new Set(session.manifest.parameters.filter(({ optimizer }) => optimizer === "muon").map(({ path }) => path));
  return session.tensors().filter(({ name, role }) => role === "parameter" && (byMuon.size === 0 || byMuon.has(pathOf(name))));
}

function bytesOf(values: Reals | Int32Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

try {
  const manifest = JSON.parse(readFileSync(join(options.directory, "manifest.json"), "utf8")) as Manifest;
  const session = await openSession({ manifest, library: join(options.directory, "model.so") }, { threads: options.threads });
  const answer = options.write ? await write(session) : await compare(session);
  await session.close();
  process.stdout.write(`${JSON.stringify(answer)}\n`);
} catch (error) {
  process.stderr.write(`${(error as Error).message}\n`);
  process.exit(1);
}
