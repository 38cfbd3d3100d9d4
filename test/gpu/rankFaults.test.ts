/**
 * Training on several GPUs with `mlac train -n`, and faults on purpose (MLAC_FAULT, see runtime/ranks/injected.ts): whatever happens to
 * one rank, all end in time, with one report, the last checkpoint as it was, and no process left. Where there is one GPU, nothing.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { findGpus } from "../../compiler/gpu.js";
import { checkpointOf, cli, fill, metricsOf, type Ran, runRanks } from "../ranked.js";
import { temporaryFolder } from "../temporary.js";

const { gpus } = await findGpus();
const size = Math.min(4, 2 ** Math.floor(Math.log2(gpus.length)));
const check = size > 1 ? test : test.skip;
if (size < 2) console.log(`skipped: ${gpus.length} GPU is here, and these tests take 2`);

/** Seconds; all have to end 10 s after it. */
const timeout = 5;
const folder = temporaryFolder();
/** With what runs are built, so that all of them find the same build. */
const out = process.env["MLAC_TEST_RANKED"] ?? join(folder, "build");

/** `runs`, one after the other in one folder, are of a model with a checkpoint every four steps of twelve. */
async function train(run: string, fault: string, more: string[] = [], ranks = size): Promise<Ran> {
  const given = `train model.ts --target cuda --out ${out} --no-report --no-tensorboard -n ${ranks} --timeout ${timeout} --run ${run}`;
  const visible = { CUDA_VISIBLE_DEVICES: process.env["CUDA_VISIBLE_DEVICES"] };
  return await runRanks([process.execPath, cli, ...given.split(" "), ...more], {
    cwd: folder,
    environment: { ...visible, MLAC_FAULT: fault, MLAC_TUNE: "0" },
  });
}

interface Expected {
  code: number;
  /** What the one report says. */
  report: RegExp[];
  checkpoint: number | undefined;
}

async function expect(ran: Ran, run: string, { code, report, checkpoint }: Expected): Promise<void> {
  const ended = Date.now() / 1000;
  const told = `${ran.err}\n${ran.out}`;
  assert.is(ran.code, code, told);
  assert.equal(ran.left, [], `processes are left\n${told}`);
  const late = ended - metricsOf(join(folder, run)).at(-1)!["time"]!;
  assert.ok(late < timeout + 10, `they ended ${late.toFixed(1)} s after the last step\n${told}`);
  for (const part of report) assert.match(told, part, `${part} is not in it\n${told}`);
  assert.is(told.match(/^error /gm)?.length ?? 0, code === 1 ? 1 : 0, told);
  assert.is(existsSync(join(folder, run, "checkpoints")) ? await checkpointOf(join(folder, run)) : undefined, checkpoint);
  console.log(`${run}: ended ${late.toFixed(1)} s after the last step`);
}

const losses = (run: string): number[] => metricsOf(join(folder, run)).map(({ loss }) => loss!);

if (size > 1) await fill(folder, "the quick brown fox jumps over the lazy dog; ");

check("a run that was stopped, and saved, goes on with the same bits; on one GPU with nearly the same losses", async () => {
  const whole = await train("whole", "");
  assert.is(whole.code, 0, whole.err);
  for (const [run, ranks] of [
    ["same", size],
    ["one", 1],
  ] as const) {
    await expect(await train(run, "1:step 6:begin:term"), run, {
      code: 143,
      report: [/stopped by SIGTERM after step 6 of 12, and saved/],
      checkpoint: 6,
    });
    const resumed = await train(run, "", ["--resume"], ranks);
    assert.is(resumed.code, 0, resumed.err);
    assert.is(losses(run).length, 12);
    const far = Math.max(...losses("whole").map((loss, i) => Math.abs(loss - losses(run)[i]!)));
    console.log(`resumed on ${ranks}: losses are at most ${far} from those of a run that was not stopped`);
    // Weights are rounded to bf16 in every step, after sums in another order.
    assert.ok(far <= (ranks === size ? 0 : 2e-3), `${far}`);
  }
});

check("killed in the backward pass", async () => {
  const ran = await train("backward-kill", "1:step 6:backward:kill");
  await expect(ran, "backward-kill", {
    code: 1,
    report: [/error run\/rank {2}rank 1 is gone.* in step 6/, /^ {2}rank 0 {2}step 6/m],
    checkpoint: 4,
  });
});

check("stopped in the backward pass", async () => {
  const ran = await train("backward-stop", "1:step 6:backward:stop");
  await expect(ran, "backward-stop", {
    code: 1,
    report: [/rank 1 hangs: nothing was heard for 5 s in step 6/, /rank 0 {2}step 6; waits in .* \d+ for rank 1/],
    checkpoint: 4,
  });
});

check("too late", async () => {
  const ran = await train("too-late", "1:step 6:begin:late=60");
  await expect(ran, "too-late", {
    code: 1,
    report: [/waited 5 s in .* \d+ for rank 1 in step 6/, /rank 0 {2}step 6; waits in .* for rank 1/],
    checkpoint: 4,
  });
});

check("killed while rank 0 saves", async () => {
  const ran = await train("save-kill", "1:collect:kill", ["--checkpoint-every", "6"]);
  await expect(ran, "save-kill", { code: 1, report: [/rank 1 is gone.* in saving after step 6/], checkpoint: undefined });
});

check("a NaN on one rank", async () => {
  const ran = await train("nan", "1:step 6:begin:nan");
  await expect(ran, "nan", {
    code: 1,
    report: [
      /error run\/diverged {2}step 6: the loss is NaN on rank 1; the first tensor with such a value is \w+/,
      /go on from .*step-000004/,
    ],
    checkpoint: 4,
  });
});

test.run();
