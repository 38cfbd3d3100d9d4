/** What each rank gets of the run's micro-batches and of its host's processors and GPUs. */
import { availableParallelism, cpus } from "node:os";
import { fail } from "../../compiler/diagnostics.js";
import type { Place } from "./environment.js";

/** Errors: use/accumulate, where the ranks cannot share a step's micro-batches evenly. */
export function shareWork(accumulate: number, size: number): void {
  if (accumulate % size === 0) return;
  const more = Math.ceil(accumulate / size) * size;
  fail("use/accumulate", `a step has ${accumulate} micro-batch${accumulate === 1 ? "" : "es"}, which ${size} ranks cannot share evenly`, {
    help: `--accumulate ${more} gives each rank ${more / size}; with a smaller B (--set B=…) the step has as many tokens as before`,
  });
}

/** Errors: use/ranks, where ranks on processors were started by something that MPI does not know. */
export function requireMpi({ mpi, launcher }: Pick<Place, "mpi" | "launcher">): void {
  if (!mpi)
    fail("use/ranks", `ranks on processors talk through MPI, which knows nothing of ranks that ${launcher} started`, {
      help: "start them with -n, with mpirun, or with srun --mpi=pmix",
    });
}

/** Threads of one rank: its host's processors shared out, unless the launcher has bound it to some of them already. */
export function shareThreads(
  { localSize }: Pick<Place, "localSize">,
  asked: number,
  [usable, all]: readonly [number, number] = [availableParallelism(), cpus().length],
): number {
  if (asked > 0) return asked;
  const threads = usable < all ? usable : Math.max(1, Math.floor(usable / localSize));
  // More threads than processors: whoever waits busily keeps a working one off.
  if (threads * localSize > all) process.env["OMP_WAIT_POLICY"] ??= "passive";
  return threads;
}

/**
 * One GPU for each rank, by its local rank, of those that CUDA_VISIBLE_DEVICES names; a launcher that shows each rank a single one
 * has chosen already. To be called before CUDA is loaded, which reads the variable once.
 */
export function chooseGpu({ local, localSize }: Pick<Place, "local" | "localSize">, environment: NodeJS.ProcessEnv = process.env): void {
  const { CUDA_VISIBLE_DEVICES: given } = environment;
  const visible = given === undefined || given === "" ? undefined : given.split(",");
  if (visible === undefined) environment["CUDA_VISIBLE_DEVICES"] = String(local);
  else if (visible.length > 1 || localSize === 1) {
    if (visible[local] === undefined)
      fail("use/ranks", `${localSize} ranks are on this host, and CUDA_VISIBLE_DEVICES shows ${visible.length} GPUs: ${given}`, {
        help: "each rank takes a GPU of its own: start fewer ranks, or show more GPUs",
      });
    environment["CUDA_VISIBLE_DEVICES"] = visible[local];
  }
}
