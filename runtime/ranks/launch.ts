/** `mlac train -n N`: starts the ranks on this host, serves their control channel, shows what rank 0 shows, and ends them together. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { fileURLToPath } from "node:url";
import { fail } from "../../compiler/diagnostics.js";
import { which } from "../../compiler/emit/compiler.js";
import { findGpus } from "../../compiler/gpu.js";
import type { Target } from "../../compiler/target.js";
import type { Show } from "../progress.js";
import { watchSignals } from "../signals.js";
import { tokenOf } from "./environment.js";
import { Hub, type Verdict } from "./hub.js";
import { Processes, type Started } from "./processes.js";
import { startFactor } from "./runRank.js";

export interface LaunchOptions {
  ranks: number;
  target: Target;
  /** What each rank is started with, after `mlac`. */
  argv: readonly string[];
  /** Seconds. */
  timeout: number;
  mlac: string;
  show: Show;
}

/** Milliseconds that ranks get to end by themselves. */
const leaving = 3000;

/** How it ended: no process of it is left then. Errors: use/ranks, tool/mpi, run/port. */
export async function launch(options: LaunchOptions): Promise<Verdict> {
  const { ranks, target, argv, timeout, mlac, show } = options;
  const commands = target === "cuda" ? await onGpus(ranks) : [withMpi(ranks)];
  const secret = randomBytes(16).toString("hex");
  const hub = await Hub.open("127.0.0.1", [0], {
    size: ranks,
    timeout,
    patience: startFactor * timeout,
    mlac,
    token: tokenOf({ MLAC_JOB: secret }),
    onWelcome: () =>
      show.note(
        `${ranks} rank${ranks === 1 ? "" : "s"} on this host, ${target === "cuda" ? "a GPU each" : "over MPI"}; they meet at 127.0.0.1, port ${hub.port}`,
      ),
    onShown: (shown) => (shown.type === "step" ? show.step(shown.report) : show.note(shown.text)),
  });
  const processes = new Processes(secret);
  const signals = watchSignals((signal) => {
    show.note(`${signal}: saving after this step; once more to stop at once`);
    hub.signal(signal);
  });
  const killRanks = (): void => processes.killRanks(hub.heard().map(({ pid }) => pid));
  const killAll = (): void => {
    killRanks();
    processes.kill();
  };
  process.on("exit", killAll);
  try {
    const common = { ...process.env, MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(hub.port), MLAC_JOB: secret };
    for (const { command, environment, rank } of commands) {
      const [program = "", ...given] = [...command, process.execPath, cli, ...argv];
      processes.start(
        () => spawn(program, given, { env: { ...common, ...environment }, detached: true, stdio: ["ignore", "pipe", "pipe"] }),
        {
          ...(rank === undefined ? {} : { rank }),
          onLine: (text) => show.note(text),
          onEnd: (how) => ended(hub, rank, how),
        },
      );
    }
    const verdict = await hub.verdict;
    if (verdict.diagnostics.length > 0) processes.hush();
    // Ranks that are stopped or do not listen are killed; mpirun then cleans up after them.
    if (!(await processes.ended(leaving))) {
      killRanks();
      await processes.ended(leaving);
    }
    return verdict;
  } finally {
    show.end();
    signals.release();
    process.off("exit", killAll);
    killAll();
    hub.close();
  }
}

const cli = fileURLToPath(new URL("../../compiler/cli.js", import.meta.url));

/** Milliseconds in which what a process still had to say arrives. */
const lastWords = 300;

function ended(hub: Hub, rank: number | undefined, how: string): void {
  setTimeout(() => (rank === undefined ? hub.allEnded(how) : hub.processEnded(rank, how)), lastWords);
}

/** What comes before node in a rank's command, and in its environment. `rank` undefined: it starts all of them. */
interface Command extends Pick<Started, "rank"> {
  command: readonly string[];
  environment: Record<string, string>;
}

async function onGpus(ranks: number): Promise<Command[]> {
  const { gpus } = await findGpus();
  if (gpus.length < ranks)
    fail("use/ranks", `${ranks} ranks take ${ranks} GPUs, and this machine has ${gpus.length}`, {
      help: "start fewer ranks here, or some on other machines, with srun, mpirun or torchrun",
    });
  return Array.from({ length: ranks }, (_, rank) => ({
    rank,
    command: [],
    environment: { RANK: String(rank), WORLD_SIZE: String(ranks), LOCAL_RANK: String(rank), LOCAL_WORLD_SIZE: String(ranks) },
  }));
}

function withMpi(ranks: number): Command {
  const mpirun = which("mpirun");
  if (mpirun === undefined)
    fail("tool/mpi", "ranks on processors talk through MPI, and mpirun is not found", {
      help: "apt-get install openmpi-bin libopenmpi-dev; without -n, mlac trains in one process with all processors",
    });
  const asRoot = process.getuid?.() === 0 ? ["--allow-run-as-root"] : [];
  const flags = [
    ..."-q --oversubscribe --bind-to none --tag-output".split(" "),
    // On this host, also within a SLURM job that has others.
    ..."--host localhost --mca plm ^slurm --mca ras ^slurm".split(" "),
    // Containers forbid reading another process's memory, which Open MPI would try and complain of.
    ..."--mca btl_vader_single_copy_mechanism none".split(" "),
  ];
  return { command: [mpirun, "-n", String(ranks), ...flags, ...asRoot], environment: {} };
}
