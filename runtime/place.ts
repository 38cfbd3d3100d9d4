/** A session's place among other processes that train the same model, and what it can say of them. */
import { dirname } from "node:path";
import { flatBounds, partition } from "../compiler/ranks/partition.js";
import { Native, type Place } from "./native.js";
import type { BuiltModel } from "./session.js";

/** One of `size` ranks, each of which opens its session; `id` is the same for all: `ranksId` gave it to rank 0. */
export interface SessionPlace {
  rank: number;
  size: number;
  id: Uint8Array;
  /** How long a call waits for other ranks without hearing of them, in seconds. */
  timeout: number;
}

/** What happened between ranks since it was last asked for. */
export interface Traffic {
  /** Bytes that this rank gave to others, and those of gradients among them. */
  bytes: number;
  gradientBytes: number;
  /** Seconds that micro-steps and updates waited for other ranks, with nothing of their own left to do. */
  microStepSeconds: number;
  updateSeconds: number;
}

/** Where a rank is, for reports of what hangs. */
export interface Whereabouts {
  collective: string;
  sequence: number;
  waitsFor: string;
  part: string;
}

/** What rank 0 tells the others, so that they find each other. Errors: run/load, run/ranks. */
export async function ranksId(built: BuiltModel): Promise<Uint8Array> {
  await findCollectives(built);
  return Native.ranksId(built.library, built.manifest.target);
}

/** With who owns what. Errors: tool/mpi, and those of a compiler. */
export async function withShares(built: BuiltModel, place: SessionPlace): Promise<Place> {
  await findCollectives(built);
  return { ...place, bounds: flatBounds(partition(built.manifest.trained, place.size)) };
}

/** MPI gets its library beside the model; NCCL is looked for in more places than the dynamic linker knows, such as Python's packages. */
async function findCollectives({ manifest, library }: BuiltModel): Promise<void> {
  if (manifest.target === "cpu") {
    const { collectivesLibrary } = await import("../compiler/emit/mpi.js");
    await collectivesLibrary(dirname(library));
    return;
  }
  if (process.env["MLAC_NCCL"]) return;
  const { findLibrary } = await import("../compiler/doctorCuda.js");
  const found = await findLibrary("libnccl.so");
  // The library itself reads it.
  if (found !== undefined) process.env["MLAC_NCCL"] = found;
}
