/**
 * Faults of ranks, on purpose (MLAC_FAULT, see runtime/ranks/injected.ts): whatever happens to one, all end in time, with one
 * report, the last checkpoint as it was, and no process left.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { isMpiWanted, withoutMpi } from "./mpi.js";
import { checkpointOf, fill, mpirun, type Ran, type RunOptions, rankedModel, runRanks, training } from "./ranked.js";

const test = suite("faults of ranks");
/** Seconds; all have to end 10 s after it. */
const timeout = 3;
const folder = isMpiWanted ? await rankedModel() : "";

async function ranks(run: string, fault: string, more: string[] = [], options: Partial<RunOptions> = {}): Promise<Ran> {
  const command = training("-n", "2", "--timeout", String(timeout), "--run", run, ...more);
  return await runRanks(command, { cwd: folder, environment: { MLAC_FAULT: fault }, ...options });
}

interface Expected {
  code: number;
  /** What the one report says. */
  report: RegExp[];
  checkpoint: number | undefined;
  /** Seconds that it may take, with starting up. */
  within?: number;
}

async function check(ran: Ran, run: string, { code, report, checkpoint, within = timeout + 10 }: Expected): Promise<void> {
  const told = `${ran.err}\n${ran.out}`;
  assert.is(ran.code, code, told);
  assert.equal(ran.left, [], `processes are left\n${told}`);
  assert.ok(ran.seconds < within, `it took ${ran.seconds.toFixed(1)} s\n${told}`);
  for (const part of report) assert.match(told, part, `${part} is not in it\n${told}`);
  assert.is(told.match(/^error /gm)?.length ?? 0, code === 1 ? 1 : 0, told);
  assert.is(existsSync(join(folder, run, "checkpoints")) ? await checkpointOf(join(folder, run)) : undefined, checkpoint);
}

if (!isMpiWanted) test(`left out: ${withoutMpi}`, () => undefined);
else {
  test("killed at the start", async () => {
    const ran = await ranks("start-kill", "1:start:kill");
    await check(ran, "start-kill", { code: 1, report: [/error run\/rank {2}ranks? .*1.* gone/], checkpoint: undefined });
  });

  test("late at the start", async () => {
    const ran = await ranks("start-late", "1:start:late=60", ["--timeout", "1"]);
    await check(ran, "start-late", { code: 1, report: [/rank 1 of 2 has not come within 5 s/], checkpoint: undefined, within: 15 });
  });

  test("late at the start, under mpirun", async () => {
    const command = mpirun("-n", "2", ...training("--timeout", "1", "--run", "start-direct"));
    const ran = await runRanks(command, { cwd: folder, environment: { MLAC_FAULT: "1:start:late=60" } });
    await check(ran, "start-direct", { code: 1, report: [/rank 1 of 2 has not come within 5 s/], checkpoint: undefined, within: 15 });
  });

  test("killed in the backward pass", async () => {
    const ran = await ranks("backward-kill", "1:step 6:backward:kill");
    await check(ran, "backward-kill", {
      code: 1,
      report: [/error run\/rank {2}rank 1 is gone.* in step 6/, /^ {2}rank 0 {2}step 6/m],
      checkpoint: 4,
    });
  });

  test("killed in an all-reduce", async () => {
    const ran = await ranks("reduce-kill", "0:step 6:begin:late=1,1:step 6:reduce:kill");
    await check(ran, "reduce-kill", {
      code: 1,
      report: [/rank 1 is gone.* in step 6/, /rank 0 {2}step 6; .*collective .* \d+/],
      checkpoint: 4,
    });
  });

  test("stopped in the backward pass", async () => {
    const ran = await ranks("backward-stop", "1:step 6:backward:stop");
    await check(ran, "backward-stop", {
      code: 1,
      report: [/rank 1 hangs: nothing was heard for 3 s in step 6/, /rank 0 {2}step 6; waits in .* \d+ for rank 1/],
      checkpoint: 4,
    });
  });

  test("rank 0, which serves the control channel, is stopped", async () => {
    const command = mpirun("-n", "2", ...training("--timeout", String(timeout), "--run", "zero-stop"));
    const ran = await runRanks(command, { cwd: folder, environment: { MLAC_FAULT: "0:step 6:begin:late=1,0:step 6:backward:stop" } });
    await check(ran, "zero-stop", {
      code: 1,
      report: [/rank 0 hangs: nothing was heard for 3 s/, /rank 1 {2}step 6; waits in/],
      checkpoint: 4,
    });
  });

  test("rank 0 is killed where it serves the control channel", async () => {
    const command = mpirun("-n", "3", ...training("--timeout", String(timeout), "--accumulate", "3", "--run", "zero-kill"));
    const ran = await runRanks(command, { cwd: folder, environment: { MLAC_FAULT: "0:step 6:begin:late=1,0:step 6:backward:kill" } });
    await check({ ...ran, code: 1 }, "zero-kill", { code: 1, report: [/rank 0 is gone: the process ended in step/], checkpoint: 4 });
    assert.is.not(ran.code, 0);
  });

  test("left without a word", async () => {
    const ran = await ranks("exit", "1:step 6:begin:exit=0");
    await check(ran, "exit", { code: 1, report: [/rank 1 is gone: the process ended.* in step 6/], checkpoint: 4 });
  });

  test("a NaN on one rank", async () => {
    const ran = await ranks("nan", "1:step 6:begin:nan");
    await check(ran, "nan", {
      code: 1,
      report: [
        /error run\/diverged {2}step 6: the loss is NaN on rank 1; the first tensor with such a value is \w+/,
        /go on from .*step-000004/,
      ],
      checkpoint: 4,
    });
  });

  test("late, and not too late", async () => {
    const ran = await ranks("late", "1:step 6:begin:late=1");
    await check(ran, "late", { code: 0, report: [/trained 12 steps/], checkpoint: 12 });
  });

  test("too late", async () => {
    const ran = await ranks("too-late", "1:step 6:begin:late=60");
    await check(ran, "too-late", {
      code: 1,
      report: [/rank 0 waited 3 s in .* \d+ for rank 1 in step 6/, /rank 0 {2}step 6; waits in .* for rank 1/],
      checkpoint: 4,
    });
  });

  test("a wrong shard on one rank", async () => {
    const other = join(folder, "other");
    await fill(other, "the quick brown fox jumps over the lazy cat; ");
    const out = join(folder, "build");
    const one = ["-n", "1", "--wdir"];
    const train = training("--timeout", String(timeout), "--out", out, "--run", "shard");
    const ran = await runRanks(mpirun(...one, folder, ...train, ":", ...one, other, ...train), { cwd: folder });
    await check(ran, "shard", {
      code: 1,
      report: [/run\/ranks {2}rank 1 differs from rank 0 in the train shard train\.bin/],
      checkpoint: undefined,
    });
  });

  test("a full disk", async () => {
    const ran = await ranks("disk", "0:step 6:begin:full=20000");
    await check(ran, "disk", {
      code: 1,
      report: [
        /checkpoint of step 8 could not be written.*training goes on/,
        /error run\/disk {2}.*the checkpoint of step 12 could not be written/,
      ],
      checkpoint: 4,
    });
    assert.equal(readdirSync(join(folder, "disk", "checkpoints")), ["step-000004"]);
  });

  test("killed while rank 0 saves", async () => {
    const ran = await ranks("save-kill", "1:collect:kill", ["--checkpoint-every", "6"]);
    await check(ran, "save-kill", { code: 1, report: [/rank 1 is gone.* in saving after step 6/], checkpoint: undefined });
  });

  test("rank 0 is killed in its second save", async () => {
    const first = await ranks("save-zero", "", ["--steps", "8"]);
    assert.is(first.code, 0, first.err);
    const ran = await ranks("save-zero", "0:save:kill", ["--resume", "--steps", "12"]);
    await check(ran, "save-zero", { code: 1, report: [/rank 0 is gone.* in saving after step 12/], checkpoint: 8 });
  });

  test("a damaged checkpoint is passed over", async () => {
    const first = await ranks("damaged", "", ["--steps", "8"]);
    assert.is(first.code, 0, first.err);
    const file = join(folder, "damaged/checkpoints/step-000008/optimizer.safetensors");
    const bytes = readFileSync(file);
    bytes[bytes.length - 1]! ^= 1;
    writeFileSync(file, bytes);
    const ran = await ranks("damaged", "", ["--resume", "--steps", "12", "--checkpoint-every", "100"]);
    assert.is(ran.code, 0, ran.err);
    assert.match(ran.err, /passed over: step-000008\/optimizer.safetensors is damaged/);
    assert.match(ran.err, /going on with .*step-000004/);
  });

  test("SIGTERM to one rank saves once and ends all", async () => {
    const ran = await ranks("term", "1:step 6:begin:term");
    await check(ran, "term", { code: 143, report: [/stopped by SIGTERM after step 6 of 12, and saved/], checkpoint: 6 });
    assert.equal(readdirSync(join(folder, "term", "checkpoints")), ["step-000004", "step-000006"]);
  });

  test("Ctrl-C saves once and ends all", async () => {
    let sent = false;
    const onText = (text: string, pid: number): void => {
      if (sent || !/step +1\/12/.test(text)) return;
      sent = true;
      process.kill(pid, "SIGINT");
    };
    const ran = await ranks("interrupt", "1:step 3:begin:late=2", [], { onText });
    const step = Number(/stopped by SIGINT after step (\d+) of 12, and saved/.exec(ran.out)?.[1]);
    assert.ok(step <= 3, ran.err);
    await check(ran, "interrupt", { code: 130, report: [/SIGINT: saving after this step/], checkpoint: step });
  });

  test("the process that started the ranks is killed", async () => {
    let killed = false;
    const onText = (text: string, pid: number): void => {
      if (killed || !/step 6/.test(text)) return;
      killed = true;
      process.kill(pid, "SIGKILL");
    };
    const ran = await ranks("orphans", "0:step 7:begin:late=1", [], { onText });
    assert.is(ran.code, null);
    assert.equal(ran.left, []);
    assert.is(await checkpointOf(join(folder, "orphans")), 4);
  });
}

test.run();
