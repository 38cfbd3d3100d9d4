/** What training on several ranks costs each of them: memory, bytes, and the time that nothing hides. A model, not a measurement. */
import type { Manifest } from "../manifest.js";
import { align } from "../passes/memory.js";
import type { Target } from "../target.js";
import { ownedElements, partition, rankCosts } from "./partition.js";

export interface RankPlan {
  size: number;
  /** Bytes of each rank, the arena's: all of a process alone, and of the optimizer what the rank owns. */
  memory: number[];
  optimizer: number[];
  /** The work of an update: the most that a rank has, over the mean. */
  balance: number;
}

/** Where each tensor of optimizer state begins at a multiple of so many bytes: as in emit/backend.ts. */
const stateAlignment: Readonly<Record<Target, number>> = { cpu: 64, cuda: 256 };

export function rankPlan(manifest: Manifest, size: number): RankPlan {
  const { trained, memory, target, dtype } = manifest;
  const bounds = partition(trained, size);
  const realBytes = dtype === "f64" ? 8 : 4;
  const optimizer = Array.from({ length: size }, (_, rank) =>
    ownedElements(trained, bounds, rank).reduce(
      (sum, n, i) => sum + (trained[i]!.rule === "muon" ? 1 : 2) * align(n * realBytes, stateAlignment[target]),
      0,
    ),
  );
  const costs = rankCosts(trained, bounds);
  const mean = costs.reduce((a, b) => a + b, 0) / size;
  return {
    size,
    memory: optimizer.map((bytes) => memory.total - memory.kinds.optimizer + bytes),
    optimizer,
    balance: mean === 0 ? 1 : Math.max(...costs) / mean,
  };
}

export interface Scaling {
  size: number;
  /** Bytes a second that a rank gives to others. */
  bandwidth: number;
  /** Bytes that a rank gives to others in a step, however many micro-steps it has. */
  gradientBytes: number;
  weightBytes: number;
  /** Seconds of a step that nothing hides. */
  exposedGradients: number;
  exposedWeights: number;
  /** Seconds of a micro-step that all this is held against. */
  microStep: number;
}

export interface ScalingOptions {
  /** Bytes a second; default for GPUs: what NVLink gives within a host of 8, and a network adapter of 400 Gbit/s for each GPU beyond. */
  bandwidth?: number;
  /** Seconds; default: the least that the kernels' products and traffic take on an H200, or on a server's processor. */
  microStep?: number;
}

/** Ranks of one host; measured there: an all-reduce of 1 GiB over 8 H100 at 361 GB/s, NVLink's multicast off. */
const ofOneHost = 8;
const defaultBandwidth: Readonly<Record<Target, (size: number) => number>> = {
  cuda: (size) => (size <= ofOneHost ? 350e9 : 45e9),
  // Through shared memory, or a network of 10 Gbit/s.
  cpu: (size) => (size <= ofOneHost ? 10e9 : 1.2e9),
};

/** What a GPU computes of an update's products, and moves, in a second: the costs of partition.ts are in such FLOPs. */
const updateFlops: Readonly<Record<Target, number>> = { cuda: 500e12, cpu: 1e12 };

/**
 * A bucket goes on its way when it is final and the link is free, and takes (N − 1) / N of its bytes over the bandwidth. What is left when
 * the backward pass ends is exposed. Weights take (N − 1) / N of theirs, behind what the slowest rank computes in an update.
 */
export function scaling(manifest: Manifest, size: number, options: ScalingOptions = {}): Scaling {
  const { trained, gradients, target, dtype } = manifest;
  const bandwidth = options.bandwidth ?? defaultBandwidth[target](size);
  const microStep = options.microStep ?? gradients.seconds;
  const share = (size - 1) / size;
  let free = 0;
  for (const { bytes, done } of gradients.buckets) free = Math.max(free, done * microStep) + (share * bytes) / bandwidth;
  const numbers = (of: (path: string) => boolean): number =>
    trained.filter(({ path }) => of(path)).reduce((n, { slices, units, elements }) => n + slices * units * elements, 0);
  const split = new Set(manifest.tensors.filter((t) => t.remainder !== undefined).map((t) => t.parameter));
  const whole = dtype === "f64" ? 8 : 4;
  const weights = 2 * numbers((path) => split.has(path)) + whole * numbers((path) => !split.has(path));
  const gather = (share * weights) / bandwidth;
  const update = Math.max(...rankCosts(trained, partition(trained, size))) / updateFlops[target];
  return {
    size,
    bandwidth,
    gradientBytes: share * gradients.buckets.reduce((n, { bytes }) => n + bytes, 0),
    weightBytes: share * weights,
    exposedGradients: Math.max(0, free - microStep),
    exposedWeights: Math.max(0, gather - update),
    microStep,
  };
}

/** What remains of the speed where a rank has so many micro-steps in a step; the update itself, of which each rank has its share, left out. */
export const efficiency = ({ microStep, exposedGradients, exposedWeights }: Scaling, microSteps: number): number =>
  (microSteps * microStep) / (microSteps * microStep + exposedGradients + exposedWeights);
