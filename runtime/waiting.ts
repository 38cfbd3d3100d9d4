/**
 * How OpenMP's threads wait for each other between kernels. Waiting busily halves the optimizer's time where the processors are
 * free, since a sleeping thread takes tens of microseconds to wake; where other programs need them too, it makes a step three
 * to fifteen times as long, because a waiting thread keeps a working one off its processor.
 */
import { cpus } from "node:os";

/** Milliseconds over which the processors are watched. */
const watch = 100;
/** Share of all processors that others may use while busy waiting still pays. */
const free = 0.2;
/** Rounds of libgomp's waiting loop, about a tenth of a millisecond: as quick as waiting for longer, and gentler to others. */
const spin = "5000";

let chosen: Promise<void> | undefined;

/** Decides once a process, before the first library with OpenMP is loaded: libgomp reads its environment then. What the user has set stands. */
export function chooseWaiting(): Promise<void> {
  chosen ??= decide();
  return chosen;
}

async function decide(): Promise<void> {
  if (process.env["GOMP_SPINCOUNT"] || process.env["OMP_WAIT_POLICY"]) return;
  if ((await busyShare()) > free) process.env["OMP_WAIT_POLICY"] = "passive";
  else process.env["GOMP_SPINCOUNT"] = spin;
}

/** What share of all processors other programs use. */
async function busyShare(): Promise<number> {
  const before = times();
  const own = process.cpuUsage();
  await new Promise((done) => setTimeout(done, watch));
  const { user, system } = process.cpuUsage(own);
  const after = times();
  const all = after.all - before.all;
  return all > 0 ? (after.busy - before.busy - (user + system) / 1000) / all : 1;
}

function times(): { busy: number; all: number } {
  let busy = 0;
  let idle = 0;
  for (const { times: t } of cpus()) {
    busy += t.user + t.nice + t.sys + t.irq;
    idle += t.idle;
  }
  return { busy, all: busy + idle };
}
