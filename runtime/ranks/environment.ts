/**
 * Which rank this process is, of how many, and where they meet: from the variables of torchrun, SLURM (srun) or Open MPI
 * (mpirun). Whoever nests them (mpirun or torchrun within a SLURM job) is started by the inner one; any other contradiction is
 * refused, since training with wrong ranks is worse than none.
 */
import { createHash } from "node:crypto";
import { fail } from "../../compiler/diagnostics.js";
import { countOfHost, firstHost } from "./nodelist.js";

export interface Place {
  rank: number;
  /** Ranks in all. */
  size: number;
  /** Among the ranks of this host, and how many those are. */
  local: number;
  localSize: number;
  /** Who started it. */
  launcher: Launcher;
  /** Where the control channel is served: tried one after the other, each with each port. */
  addresses: readonly string[];
  ports: readonly number[];
  /** Is it `mlac train -n` that serves it? Else rank 0 does. */
  served: boolean;
  /** Known to the ranks of this job and, where the launcher makes a secret, to nobody else. */
  token: string;
  /** Can MPI find the other ranks? */
  mpi: boolean;
}

export type Launcher = "torchrun" | "srun" | "mpirun" | "mlac";
type Environment = Readonly<Record<string, string | undefined>>;
type Found = Pick<Place, "rank" | "size" | "local" | "localSize" | "launcher">;

/** Ports that are tried beyond the first: another program may have it. */
const spare = 8;

/** Undefined: nobody started ranks. Errors: use/ranks. */
export function placeOf(environment: Environment = process.env): Place | undefined {
  const found = agreed(ofMpirun(environment), ofTorchrun(environment), ofSrun(environment), environment);
  if (found === undefined) return undefined;
  const served = environment["MLAC_JOB"] !== undefined;
  return {
    ...found,
    launcher: served ? "mlac" : found.launcher,
    ...meetingPoint(environment, found.launcher, served),
    served,
    token: tokenOf(environment),
    mpi: environment["OMPI_COMM_WORLD_SIZE"] !== undefined || environment["PMIX_RANK"] !== undefined,
  };
}

/** "4 ranks, started by mpirun; this is rank 1, local rank 1 of 2; they meet at 10.0.0.1:23456" */
export const describePlace = ({ rank, size, local, localSize, launcher, addresses, ports }: Place): string =>
  `${size} rank${size === 1 ? "" : "s"}, started by ${launcher === "mlac" ? "mlac train -n" : launcher}; ` +
  `this is rank ${rank}, local rank ${local} of ${localSize}; they meet at ${addresses.join(" or ")}, port ${ports[0]}`;

function agreed(
  mpirun: Found | undefined,
  torchrun: Found | undefined,
  srun: Found | undefined,
  environment: Environment,
): Found | undefined {
  // Within a SLURM job, mpirun and torchrun are started by srun, once a host: its numbers are not the ranks'.
  const nested = mpirun !== undefined || environment["TORCHELASTIC_RUN_ID"] !== undefined;
  const all = [mpirun, torchrun, nested ? undefined : srun].filter((one) => one !== undefined);
  const [first] = all;
  for (const other of all)
    if (first && (other.rank !== first.rank || other.size !== first.size))
      refuse(`${first.launcher} says rank ${first.rank} of ${first.size}, and ${other.launcher} rank ${other.rank} of ${other.size}`, {
        help: "start the ranks with one of them, or unset the other's variables (RANK and WORLD_SIZE are torchrun's)",
      });
  return first;
}

function ofMpirun(environment: Environment): Found | undefined {
  return read(environment, "mpirun", {
    rank: "OMPI_COMM_WORLD_RANK",
    size: "OMPI_COMM_WORLD_SIZE",
    local: "OMPI_COMM_WORLD_LOCAL_RANK",
    localSize: "OMPI_COMM_WORLD_LOCAL_SIZE",
  });
}

function ofTorchrun(environment: Environment): Found | undefined {
  return read(environment, "torchrun", { rank: "RANK", size: "WORLD_SIZE", local: "LOCAL_RANK", localSize: "LOCAL_WORLD_SIZE" });
}

/** A batch script has SLURM_PROCID too; only srun counts the tasks of a step. One task is no group of ranks. */
function ofSrun(environment: Environment): Found | undefined {
  const { SLURM_STEP_NUM_TASKS: tasks, SLURM_STEP_TASKS_PER_NODE: counts = "", SLURM_NODEID: node = "0" } = environment;
  if (tasks === undefined || tasks === "1") return undefined;
  const localSize = countOfHost(counts, Number(node)) ?? 1;
  const known = { ...environment, SLURM_STEP_LOCAL_TASKS: String(localSize) };
  return read(known, "srun", {
    rank: "SLURM_PROCID",
    size: "SLURM_STEP_NUM_TASKS",
    local: "SLURM_LOCALID",
    localSize: "SLURM_STEP_LOCAL_TASKS",
  });
}

type Names = Record<"rank" | "size" | "local" | "localSize", string>;

function read(environment: Environment, launcher: Launcher, names: Names): Found | undefined {
  const [rank, size] = [whole(environment, names.rank), whole(environment, names.size)];
  if (rank === undefined && size === undefined) return undefined;
  if (rank === undefined) return refuse(`${names.size} is set, and ${names.rank} is not`, { help: `set both, or unset ${names.size}` });
  if (size === undefined) return refuse(`${names.rank} is set, and ${names.size} is not`, { help: `set both, or unset ${names.rank}` });
  if (rank >= size) refuse(`${names.rank} is ${rank}, and ${names.size} is ${size}: ranks count from 0`, {});
  // Who says nothing of hosts is taken to have all ranks on one.
  const local = whole(environment, names.local) ?? rank;
  const localSize = whole(environment, names.localSize) ?? size;
  if (local >= localSize) refuse(`${names.local} is ${local}, and ${names.localSize} is ${localSize}: local ranks count from 0`, {});
  return { rank, size, local, localSize, launcher };
}

function whole(environment: Environment, name: string): number | undefined {
  const text = environment[name];
  if (text === undefined || text === "") return undefined;
  return /^\d+$/.test(text) ? Number(text) : refuse(`${name} is "${text}", which is no whole number`, {});
}

function meetingPoint(environment: Environment, launcher: Launcher, served: boolean): Pick<Place, "addresses" | "ports"> {
  const { MASTER_ADDR: given } = environment;
  const from = (port: number): number[] => Array.from({ length: spare }, (_, i) => port + i);
  const asked = whole(environment, "MLAC_PORT");
  const masterPort = whole(environment, "MASTER_PORT");
  if (served) return { addresses: [given ?? "127.0.0.1"], ports: [masterPort ?? 0] };
  const { addresses, port } = {
    torchrun: () => ({
      addresses: given === undefined ? refuse("MASTER_ADDR is not set", { help: "set it to the host of rank 0" }) : [given],
      // torchrun's own store listens at MASTER_PORT.
      port: (masterPort ?? refuse("MASTER_PORT is not set", { help: "set it to a port that is free on the host of rank 0" })) + 1,
    }),
    srun: () => ({ addresses: given === undefined ? slurmHosts(environment) : [given], port: masterPort ?? portOf(slurmJob(environment)) }),
    mpirun: () => ({
      addresses: given === undefined ? mpirunHosts(environment) : [given],
      port: masterPort ?? portOf(mpirunJob(environment)),
    }),
    mlac: () => ({ addresses: [given ?? "127.0.0.1"], port: masterPort ?? 0 }),
  }[launcher]();
  return { addresses, ports: asked === undefined ? from(port) : [asked] };
}

/** Rank 0 runs on the step's first host, which is where srun was called in a batch job, and elsewhere on a login node. */
function slurmHosts({
  SLURM_STEP_NODELIST: step,
  SLURM_JOB_NODELIST: job,
  SLURM_NODELIST: old,
  SLURM_LAUNCH_NODE_IPADDR: launch,
}: Environment): string[] {
  const list = step ?? job ?? old;
  const hosts = [...(list === undefined ? [] : [firstHost(list)]), ...(launch === undefined ? [] : [launch])];
  return hosts.length > 0
    ? hosts
    : refuse("SLURM does not say on which hosts the ranks are", { help: "set MASTER_ADDR to the host of rank 0" });
}

/**
 * Open MPI tells every rank where mpirun listens, "1165557760.0;tcp://192.0.2.2,10.0.0.1:38173": the addresses of mpirun's
 * host. Rank 0 is there too, unless mpirun was given hosts without its own; rank 0 finds that out and says it.
 */
function mpirunHosts(environment: Environment): string[] {
  const { OMPI_MCA_orte_hnp_uri: uri, OMPI_MCA_orte_local_daemon_uri: daemon, OMPI_COMM_WORLD_RANK: rank } = environment;
  const help = "say where rank 0 runs: mpirun -x MASTER_ADDR=host …";
  if (uri === undefined) return refuse("this mpirun does not say where it runs (OMPI_MCA_orte_hnp_uri)", { help });
  if (rank === "0" && daemon !== undefined && daemon !== uri)
    refuse("rank 0 does not run on mpirun's own host, so the other ranks cannot know where to find it", { help });
  const hosts = uri.split(";").flatMap((part) => /^tcp6?:\/\/(.*):\d+$/.exec(part)?.[1]?.split(",") ?? []);
  return hosts.map((host) => host.replace(/^\[|\]$/g, ""));
}

const slurmJob = ({ SLURM_JOB_ID: job = "", SLURM_STEP_ID: step = "" }: Environment): string => `${job}.${step}`;
const mpirunJob = ({ PMIX_NAMESPACE: space, OMPI_MCA_ess_base_jobid: job = "" }: Environment): string => space ?? job;

/** Below the ports that systems give away by themselves, the same for all ranks of a job. */
const portOf = (job: string): number => 20_000 + (createHash("sha256").update(job).digest().readUInt32LE(0) % 1500) * spare;

/** `mlac train -n` makes a secret, mpirun too; SLURM and torchrun give a name, which at least keeps two jobs apart. */
export function tokenOf(environment: Environment): string {
  const { MLAC_JOB: job, OMPI_MCA_orte_precondition_transports: mpirun, TORCHELASTIC_RUN_ID: torchrun } = environment;
  return createHash("sha256")
    .update(job ?? mpirun ?? torchrun ?? slurmJob(environment))
    .digest("hex");
}

function refuse(message: string, more: { help?: string }): never {
  return fail("use/ranks", message, more);
}
