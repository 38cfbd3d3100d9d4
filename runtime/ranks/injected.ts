/**
 * Faults on purpose, for the tests of what happens then: MLAC_FAULT="1:step 3:backward:kill" lets rank 1 kill itself in the
 * backward pass of step 3. Several are separated by commas. Nothing here does anything where the variable is not set.
 *
 * When: `start`, before it meets the others; `step N:begin`; `step N:backward`, while a micro-step runs; `step N:reduce`, while it waits
 * for others in a collective; `save`, before rank 0 writes; `collect`, before a tensor is collected.
 * What: `kill` (SIGKILL), `stop` (SIGSTOP), `term` (SIGTERM), `exit=CODE`, `late=SECONDS`, `full=BYTES` (no file can grow beyond), and at `begin` `nan`, in a weight.
 */
import { spawnSync } from "node:child_process";
import type { Session } from "../session.js";

interface Fault {
  rank: number;
  when: string;
  what: string;
}

const faults = parse(process.env["MLAC_FAULT"] ?? "");

function parse(text: string): Fault[] {
  return text
    .split(",")
    .filter((one) => one !== "")
    .map((one) => {
      const [rank = "", ...rest] = one.split(":");
      return { rank: Number(rank), when: rest.slice(0, -1).join(":"), what: rest.at(-1) ?? "" };
    });
}

/** Each happens once. */
function planned(when: string, rank: number): Fault | undefined {
  const at = faults.findIndex((fault) => fault.rank === rank && fault.when === when);
  return at < 0 ? undefined : faults.splice(at, 1)[0];
}

/** Does what is planned for this rank at this point, if anything is. */
export async function injectFault(when: string, rank: number, session?: Session): Promise<void> {
  const fault = planned(when, rank);
  if (fault !== undefined) await commit(fault, session);
}

/** The same once `ready` says so, while something else goes on. Gives a function that gives it up. */
export function injectFaultWhen(when: string, rank: number, ready: () => boolean): () => void {
  const fault = planned(when, rank);
  if (fault === undefined) return () => undefined;
  let next: NodeJS.Immediate | undefined;
  const look = (): void => {
    if (ready()) void commit(fault);
    else next = setImmediate(look);
  };
  next = setImmediate(look);
  return () => clearImmediate(next);
}

async function commit({ what }: Fault, session?: Session): Promise<void> {
  const [kind, value] = what.split("=");
  if (kind === "nan" && session !== undefined) await spoil(session);
  if (kind === "kill") process.kill(process.pid, "SIGKILL");
  if (kind === "stop") process.kill(process.pid, "SIGSTOP");
  if (kind === "term") process.kill(process.pid, "SIGTERM");
  if (kind === "full") spawnSync("prlimit", ["--pid", String(process.pid), `--fsize=${value}`]);
  if (kind === "exit") process.exit(Number(value));
  if (kind === "late") await new Promise((done) => setTimeout(done, 1000 * Number(value)));
}

async function spoil(session: Session): Promise<void> {
  const weight = session.tensors().find(({ role }) => role === "parameter");
  if (weight === undefined) return;
  const count = weight.bytes / (weight.dtype === "F64" ? 8 : 4);
  await session.write(
    weight.name,
    weight.dtype === "F64" ? new Float64Array(count).fill(Number.NaN) : new Float32Array(count).fill(Number.NaN),
  );
}
