/**
 * Which way each contraction of a CUDA build is computed on this GPU: measured once, kept beside the build in
 * choices.<GPU>.json, and taken from there by every later session. So a build computes the same bits on a GPU as long as the
 * file stays; measuring anew may choose other ways, which add up in another order. MLAC_TUNE=0: nothing is measured or read,
 * and the kernels' own estimates choose.
 */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { findGpus } from "../compiler/gpu.js";
import { deviceFile } from "../compiler/place.js";
import { SEAL } from "../compiler/upToDate.js";
import { sentenceOf } from "./checkpointManifest.js";
import { replaceFile } from "./durable.js";
import { Random } from "./random.js";

/** What a table was made for: another of these makes it stale. */
export interface Machine {
  /** Stands for the build: its seal and its manifest. */
  build: string;
  /** "NVIDIA H200" */
  gpu: string;
  driver: string;
  /** As cuBLASLt counts: 130002 is 13.0.2; 0 is none. */
  cublasLt: number;
}

export interface KernelChoice {
  kernel: string;
  chosen: string;
  /** Of all the kernel's calls in a micro-step, by candidate. */
  milliseconds: Record<string, number>;
}

export interface ChoiceTable extends Machine {
  format: 1;
  kernels: KernelChoice[];
}

/** A CUDA session as tuning needs it: runtime/native/cuda/extra.h. */
export interface Tunable {
  device(): string | Promise<string>;
  cublasLt(): number | Promise<number>;
  /** The lines that mlac_tune writes. */
  tune(tokens: Int32Array, targets: Int32Array, rounds: number): string | Promise<string>;
  /** Lines of kernel, tab, way. */
  setChoices(text: string): unknown;
}

export interface Sizes {
  batch: number;
  length: number;
  vocabulary: number;
}

/** Of which the fastest counts; a first one, which loads the kernels, comes before them. */
const rounds = 2;

export const tuningWanted = (environment: NodeJS.ProcessEnv = process.env): boolean => environment["MLAC_TUNE"] !== "0";

export class Tuning {
  readonly #device: Tunable;
  readonly #machine: Machine;
  readonly path: string;
  #table: ChoiceTable | undefined;

  private constructor(device: Tunable, machine: Machine, path: string) {
    this.#device = device;
    this.#machine = machine;
    this.path = path;
  }

  /** With the stored table in force, if there is one for this build on this machine. */
  static async open(device: Tunable, library: string): Promise<Tuning> {
    const machine = await machineOf(device, library);
    const tuning = new Tuning(device, machine, choicesPath(library, machine.gpu));
    await tuning.#take();
    return tuning;
  }

  /** The stored table, if there is one. */
  async #take(): Promise<void> {
    const stored = readChoices(this.path, this.#machine);
    if (stored === undefined) return;
    await this.#device.setChoices(choiceLines(stored));
    this.#table = stored;
  }

  get table(): ChoiceTable | undefined {
    return this.#table;
  }

  /**
   * Measures, unless a table is in force: on random tokens, with whatever weights there are, which are drawn or restored
   * before. Weights and optimizer stay as they are; gradients are zero afterwards. A table that cannot be stored is told,
   * and holds for this session.
   */
  async measure({ batch, length, vocabulary }: Sizes, note: (text: string) => void): Promise<ChoiceTable> {
    // Another rank of the same run may have measured since.
    if (this.#table === undefined) await this.#take();
    if (this.#table) return this.#table;
    note(`measuring which way each matrix product is fastest on the ${this.#machine.gpu}: once for this build`);
    const started = performance.now();
    const random = new Random(1);
    const ids = (): Int32Array => Int32Array.from({ length: batch * length }, () => Math.floor(random.next() * vocabulary));
    const kernels = parseMeasured(await this.#device.tune(ids(), ids(), rounds));
    const table: ChoiceTable = { format: 1, ...this.#machine, kernels };
    this.#table = table;
    try {
      await writeChoices(this.path, table);
      note(`${describeGain(kernels)}, measured in ${((performance.now() - started) / 1000).toFixed(1)} s, kept in ${this.path}`);
    } catch (error) {
      note(`the measured choices cannot be kept, and are made anew the next time: ${sentenceOf(error)}`);
    }
    return table;
  }
}

async function machineOf(device: Tunable, library: string): Promise<Machine> {
  const { gpus } = await findGpus();
  return { build: buildHash(library), gpu: await device.device(), driver: gpus[0]?.driver ?? "", cublasLt: await device.cublasLt() };
}

/** Of the seal and the manifest: whatever changes a kernel changes one of them. */
export function buildHash(library: string): string {
  const hash = createHash("sha256");
  for (const name of [SEAL, "manifest.json"]) {
    const path = join(dirname(library), name);
    hash.update(existsSync(path) ? readFileSync(path) : "");
  }
  return hash.digest("hex");
}

/** Beside the library: choices.NVIDIA-H200.json. */
export const choicesPath = (library: string, gpu: string): string => join(dirname(library), `choices.${deviceFile(gpu)}.json`);

/** The table, if it was made for exactly this; one that is damaged is none. */
export function readChoices(path: string, machine: Machine): ChoiceTable | undefined {
  try {
    const table = JSON.parse(readFileSync(path, "utf8")) as ChoiceTable;
    const { build, gpu, driver, cublasLt } = machine;
    const same = table.build === build && table.gpu === gpu && table.driver === driver && table.cublasLt === cublasLt;
    const whole =
      table.format === 1 &&
      Array.isArray(table.kernels) &&
      table.kernels.every((k) => typeof k?.kernel === "string" && typeof k.chosen === "string" && typeof k.milliseconds === "object");
    return same && whole ? table : undefined;
  } catch {
    return undefined;
  }
}

/** A line a kernel, so that people can read and compare it. */
export async function writeChoices(path: string, { kernels, ...machine }: ChoiceTable): Promise<void> {
  const head = JSON.stringify(machine, undefined, 1).slice(0, -2);
  const lines = kernels.map((k) => `  ${JSON.stringify(k)}`).join(",\n");
  await replaceFile(path, (write) => write(Buffer.from(`${head},\n "kernels": [\n${lines}\n ]\n}\n`)));
}

/** Lines of kernel, tab, chosen way, and tab, way=milliseconds for each candidate. */
export function parseMeasured(text: string): KernelChoice[] {
  const lines = text.split("\n").filter((line) => line !== "");
  return lines.map((line) => {
    const [kernel = "", chosen = "automatic", ...measured] = line.split("\t");
    const times = measured.map((m) => m.split("=") as [string, string]);
    return { kernel, chosen, milliseconds: Object.fromEntries(times.map(([way, ms]) => [way, Number(ms)])) };
  });
}

export const choiceLines = ({ kernels }: Pick<ChoiceTable, "kernels">): string => kernels.map((k) => `${k.kernel}\t${k.chosen}\n`).join("");

/** What the choices gain: "7 of 40 matrix products in another way, 1.93 ms less a micro-step". */
export function describeGain(kernels: readonly KernelChoice[]): string {
  const others = kernels.filter((k) => k.chosen !== "automatic");
  const gain = others.reduce((n, k) => n + (k.milliseconds["automatic"] ?? 0) - (k.milliseconds[k.chosen] ?? 0), 0);
  return `${others.length} of ${kernels.length} matrix products in another way than estimated, ${gain.toFixed(2)} ms less a micro-step`;
}
