/** What all parts of a bench share: the model, the machine, where things are kept, and how much time there is. */
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { chooseWaiting } from "../../runtime/waiting.js";
import type { BuildOptions, Built } from "../build.js";
import { lowerModel } from "../compile.js";
import { fail } from "../diagnostics.js";
import type { Lowered } from "../lower/index.js";
import { deviceName } from "../measured.js";
import { type Room, roomFor } from "../memory.js";
import { deviceFile, modelName } from "../place.js";
import { Store } from "./store.js";

export interface BenchOptions {
  build: BuildOptions;
  /** 0: one a processor. */
  threads: number;
  /** Rounds that count. */
  rounds: number;
  /** The share of the processors that other programs may have in a round that counts. */
  quiet: number;
  /** Minutes after which nothing further is begun. */
  minutes?: number;
  /** Measure what was measured before, too. */
  anew: boolean;
  make: (options: BuildOptions) => Promise<Built>;
  note: (text: string) => void;
}

export interface Bench extends BenchOptions {
  model: Lowered;
  device: string;
  /** generated/<model>/bench: builds, and what was measured. */
  folder: string;
  store: Store;
  room: Room | undefined;
  /** Where a build of this bench goes: `which` is "model", "small" and so on. */
  place(which: string): string;
  /** Nothing further is to be begun. */
  late(): boolean;
}

/** Errors: whatever is wrong with the model; use/model. */
export async function openBench(options: BenchOptions): Promise<Bench> {
  const { build } = options;
  if (!existsSync(build.model))
    fail("use/model", `there is no file ${build.model}`, {
      help: "name the model's file: mlac bench model.ts; `mlac init` makes a first one",
    });
  const model = lowerModel(build);
  const device = (await deviceName(build.target)) ?? "no GPU";
  const folder = join("generated", modelName(build.model), "bench");
  const store = new Store(join(folder, `measured.${build.target}.${deviceFile(device)}.json`));
  if (options.anew) store.forget();
  // Decided once, for all processes that are compared.
  if (build.target === "cpu") await chooseWaiting();
  const end = options.minutes === undefined ? Number.POSITIVE_INFINITY : performance.now() + 60_000 * options.minutes;
  return {
    ...options,
    threads: options.threads || availableParallelism(),
    model,
    device,
    folder,
    store,
    room: await roomFor(build.target),
    place: (which) => join(folder, `${build.target}-${which}`),
    late: () => performance.now() > end,
  };
}
