/**
 * Training on several processes over MPI gives what one process gives: gradients, losses, weights and optimizer state; whatever the number of
 * ranks, of micro-steps and of sequences. Needs mpirun and MPI's headers, which continuous integration has.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { execa } from "execa";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Built, build } from "../compiler/build.js";
import { which } from "../compiler/emit/compiler.js";
import { collectivesLibrary } from "../compiler/emit/mpi.js";
import { root } from "../compiler/package.js";
import { type Course, course } from "./ranks/course.js";
import type { Work } from "./ranks/worker.js";
import { temporaryFolder } from "./temporary.js";

const test = suite("ranks");
const counts = [1, 2, 4] as const;
const steps = 20;

const installed = which("mpirun") !== undefined && which("mpicxx") !== undefined;
if (!installed && process.env["CI"]) throw new Error("MPI is not installed, and here it has to be: .ci/run installs it");
if (!installed) console.log("skipped: MPI is not installed (Debian, Ubuntu: apt-get install libopenmpi-dev openmpi-bin)");
const check = installed ? test : test.skip;

const builds = new Map<string, Promise<Built>>();
/** With a balance loss, which is a matter of each micro-batch, or with a bias that the loads of a whole batch move. */
function built(B: number, balance: "loss" | "bias"): Promise<Built> {
  const key = `${B} ${balance}`;
  const made = builds.get(key) ?? make(B, balance);
  builds.set(key, made);
  return made;
}
async function make(B: number, balance: "loss" | "bias"): Promise<Built> {
  const set = { B: String(B), ...(balance === "bias" ? { loss: "0" } : {}) };
  const model = await build({
    model: join(root, "test/fixture/ranks.ts"),
    target: "cpu",
    dtype: "f32",
    fuse: {},
    set,
    out: temporaryFolder(),
  });
  await collectivesLibrary(model.directory);
  return model;
}

let files = 0;
const folder = temporaryFolder();
async function onRanks(size: number, { directory }: Built, runs: Work["runs"]): Promise<Course[]> {
  const work: Work = { directory, runs, out: join(folder, `${files++}.json`) };
  const options = "--oversubscribe --allow-run-as-root --bind-to none".split(" ");
  const worker = join(root, "dist/test/ranks/worker.js");
  await execa("mpirun", ["-n", String(size), ...options, process.execPath, worker, JSON.stringify(work)], { timeout: 240_000 });
  return JSON.parse(readFileSync(work.out, "utf8"));
}

/** ‖a − b‖ / ‖b‖ */
function distance(a: readonly number[], b: readonly number[]): number {
  assert.is(a.length, b.length);
  return Math.hypot(...a.map((x, i) => x - b[i]!)) / (Math.hypot(...b) || 1);
}

function same(found: Course, expected: Course, what: string): void {
  assert.equal(Object.keys(found.gradients), Object.keys(expected.gradients));
  for (const [name, gradient] of Object.entries(found.gradients)) {
    const far = distance(gradient, expected.gradients[name]!);
    assert.ok(far <= 1e-6, `${what}: ${name} is ${far} away`);
  }
  found.losses.forEach((loss, step) => {
    const far = Math.abs(loss - expected.losses[step]!);
    assert.ok(far <= 1e-5, `${what}: loss of step ${step + 1} is ${far} away`);
  });
  assert.ok(expected.losses[steps - 1]! < expected.losses[0]!, `${what}: the loss falls`);
}

check(
  "every number of ranks, micro-steps and sequences gives the gradients and losses of one process with the same global batch",
  async () => {
    const alone = new Map<string, Course>();
    const reference = async (B: number, micro: number): Promise<Course> => {
      const key = `${B} ${micro}`;
      const made = alone.get(key) ?? (await course(await built(B, "bias"), steps, micro));
      alone.set(key, made);
      return made;
    };
    for (const B of counts)
      for (const size of counts) {
        const found = await onRanks(
          size,
          await built(B, "bias"),
          counts.map((accumulate) => ({ steps, micro: accumulate * size })),
        );
        for (const [i, accumulate] of counts.entries()) {
          const what = `${size} ranks, ${accumulate} micro-steps, ${B} sequences`;
          same(found[i]!, await reference(B, accumulate * size), what);
          // One process again, with the same sequences in micro-batches of another size.
          const sequences = B * accumulate * size;
          same(found[i]!, await reference(Math.min(4, sequences), sequences / Math.min(4, sequences)), `${what}, cut in another way`);
        }
      }
  },
);

check("with a balance loss, and the same micro-batches, too", async () => {
  const model = await built(2, "loss");
  const [found] = await onRanks(2, model, [{ steps, micro: 4 }]);
  same(found!, await course(model, steps, 4), "2 ranks with a balance loss");
});

check("runs of the same number of ranks have the same bits; one rank over MPI has those of a process alone", async () => {
  const model = await built(2, "bias");
  const runs = [{ steps, micro: 4 }];
  const [one] = await onRanks(4, model, runs);
  const [two] = await onRanks(4, model, runs);
  assert.is(one!.hash, two!.hash);
  assert.equal(one!.losses, two!.losses);
  const [single] = await onRanks(1, model, runs);
  assert.is(single!.hash, (await course(model, steps, 4)).hash);
});

check("only the last micro-step of an accumulation sends: 8 of them send an eighth of the gradients' bytes", async () => {
  const model = await built(1, "bias");
  const [each, last] = await onRanks(2, model, [
    { steps: 8, micro: 2 },
    { steps: 1, micro: 16 },
  ]);
  assert.is(each!.traffic!.gradientBytes, 8 * last!.traffic!.gradientBytes);
  const numbers = model.manifest.trained.reduce((n, { slices, units, elements }) => n + slices * units * elements, 0);
  const sent = last!.traffic!.gradientBytes / 4 / numbers;
  assert.ok(sent > 0.4 && sent < 0.6, `a rank of two sends what the other one owns: ${sent} of all`);
});

check("a rank that never comes ends the wait of the others with a sentence", async () => {
  const model = await built(1, "bias");
  const worker = join(root, "dist/test/ranks/absent.js");
  const options = "--oversubscribe --allow-run-as-root --bind-to none".split(" ");
  const said = async (ending: string): Promise<string> => {
    const given = ["-n", "2", ...options, process.execPath, worker, model.directory, ending];
    return (await execa("mpirun", given, { timeout: 60_000, reject: false })).stdout;
  };
  const timeout = await said("timeout");
  assert.match(timeout, /waited at (head norm|a layer of layers)/);
  assert.match(timeout, /no other rank was heard of for 2 s in /);
  assert.match(await said("abort"), /gave up waiting for other ranks in /);
});

test.run();
