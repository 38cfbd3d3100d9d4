/** A model's memory in words: exact bytes by kind, and what takes the most. */
import { availableParallelism, totalmem } from "node:os";
import { findGpus } from "./gpu.js";
import type { Manifest, MemoryPlan } from "./manifest.js";
import type { Target } from "./target.js";

/** What is in each kind of memory. */
export const meanings: Record<keyof MemoryPlan["kinds"], string> = {
  weights: "parameters and other state that is saved",
  gradients: "one for each parameter",
  optimizer: "momentum and moments",
  activations: "kept for the backward pass, or passing through",
  io: "tokens, targets, results",
  tables: "constants such as angles",
  cache: "what is kept of each request's tokens",
};

/** Bytes with `threads` threads; 0: one a processor. */
export function totalBytes(memory: MemoryPlan, threads = 0): number {
  return memory.total + memory.scratchPerThread * (threads || availableParallelism());
}

/** What this process may use: a container's limit where there is one. */
export function machineMemory(): number {
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}

/** What a plan is held against. */
export interface Room {
  bytes: number;
  /** "this machine's", "the NVIDIA H200's" */
  whose: string;
}

const machineRoom = (): Room => ({ bytes: machineMemory(), whose: "this machine's" });

/** The memory that a target's plan has to fit into; nothing where it is a GPU's and there is none here, or it does not say. */
export async function roomFor(target: Target): Promise<Room | undefined> {
  if (target === "cpu") return machineRoom();
  const [gpu] = (await findGpus()).gpus;
  return gpu?.total === undefined ? undefined : { bytes: gpu.total, whose: `the ${gpu.name}'s` };
}

export const fits = (memory: MemoryPlan, threads = 0, room: Room = machineRoom()): boolean => totalBytes(memory, threads) <= room.bytes;

export function describeMemory(
  manifest: Manifest,
  threads = 0,
  room: Room | undefined = manifest.target === "cpu" ? machineRoom() : undefined,
): string {
  const { memory } = manifest;
  const width = totalBytes(memory, threads).toLocaleString("en-US").length;
  const row = (name: string, bytes: number, about: string): string =>
    `  ${name.padEnd(12)} ${bytes.toLocaleString("en-US").padStart(width)}  ${binary(bytes).padStart(10)}  ${about}`.trimEnd();
  const workers = threads || availableParallelism();
  const largest = [...memory.buffers].sort((a, b) => b.bytes - a.bytes).slice(0, 8);
  const numbers = manifest.parameters.reduce((n, p) => n + p.shape.reduce((a, b) => a * b, 1), 0);
  return [
    `${manifest.model}  ${manifest.target}, ${manifest.dtype}, ${numbers.toLocaleString("en-US")} parameters`,
    "",
    ...Object.entries(memory.kinds)
      .filter(([, bytes]) => bytes > 0 || !manifest.generation)
      .map(([kind, bytes]) => row(kind, bytes, meanings[kind as keyof typeof meanings] ?? "")),
    ...(memory.scratchPerThread === 0
      ? []
      : [
          row(
            "scratch",
            memory.scratchPerThread * workers,
            `of ${workers} ${workers === 1 ? "thread" : "threads"}, ${binary(memory.scratchPerThread)} each`,
          ),
        ]),
    row(
      "total",
      totalBytes(memory, threads),
      room === undefined
        ? "of a GPU's memory"
        : `${fits(memory, threads, room) ? "fits into" : "more than"} ${room.whose} ${binary(room.bytes)}`,
    ),
    ...(largest.length === 0 ? [] : ["", "largest buffers"]),
    ...largest.map(
      ({ name, bytes, origin }) =>
        `  ${bytes.toLocaleString("en-US").padStart(width)}  ${binary(bytes).padStart(10)}  ${name}${origin ? `  ${origin}` : ""}`,
    ),
  ].join("\n");
}

/** 512 B, 1.5 KiB, 3.25 GiB */
export function binary(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? value.toFixed(0) : value.toPrecision(3)} ${units[power]}`;
}
