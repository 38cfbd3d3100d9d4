/** How ranks find each other, share a run out, and end; what takes MPI is left out where there is none. */
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { openBatches } from "../runtime/batches.js";
import { requireAgreement } from "../runtime/ranks/agreement.js";
import { placeOf } from "../runtime/ranks/environment.js";
import { Hub, type Verdict } from "../runtime/ranks/hub.js";
import { Member } from "../runtime/ranks/member.js";
import { countOfHost, firstHost } from "../runtime/ranks/nodelist.js";
import { chooseGpu, shareThreads, shareWork } from "../runtime/ranks/share.js";
import { writeShard } from "../runtime/shards.js";
import { isMpiWanted, withoutMpi } from "./mpi.js";
import { checkpointOf, cli, metricsOf, type Ran, rankedModel, runRanks, training } from "./ranked.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("groups of ranks");

const torchrun = {
  RANK: "5",
  WORLD_SIZE: "8",
  LOCAL_RANK: "1",
  LOCAL_WORLD_SIZE: "4",
  MASTER_ADDR: "head",
  MASTER_PORT: "29500",
  TORCHELASTIC_RUN_ID: "none",
};
const srun = {
  SLURM_JOB_ID: "4711",
  SLURM_STEP_ID: "0",
  SLURM_PROCID: "5",
  SLURM_STEP_NUM_TASKS: "8",
  SLURM_LOCALID: "1",
  SLURM_NODEID: "1",
  SLURM_STEP_TASKS_PER_NODE: "4(x2)",
  SLURM_STEP_NODELIST: "rack[07-09,12]-gpu,login",
};
const mpirun = {
  OMPI_COMM_WORLD_RANK: "5",
  OMPI_COMM_WORLD_SIZE: "8",
  OMPI_COMM_WORLD_LOCAL_RANK: "1",
  OMPI_COMM_WORLD_LOCAL_SIZE: "4",
  OMPI_MCA_orte_hnp_uri: "730.0;tcp://192.0.2.2,10.0.0.1:38173;tcp6://[fd00::2]:42943",
  OMPI_MCA_orte_local_daemon_uri: "730.1;tcp://192.0.2.3:4000",
  PMIX_NAMESPACE: "47841281",
};

test("torchrun, srun and mpirun say who is which rank", () => {
  for (const [launcher, environment] of Object.entries({ torchrun, srun, mpirun })) {
    const place = placeOf(environment);
    assert.equal([place?.launcher, place?.rank, place?.size, place?.local, place?.localSize], [launcher, 5, 8, 1, 4]);
    assert.not.ok(place?.served);
  }
  assert.is(placeOf({}), undefined);
  assert.is(placeOf({ SLURM_PROCID: "0", SLURM_NTASKS: "4" }), undefined, "a batch script is no rank");
  assert.is(placeOf({ ...srun, SLURM_PROCID: "0", SLURM_STEP_NUM_TASKS: "1" }), undefined, "nor is a single task");
});

test("ranks know where to meet: the same place for all of a job", () => {
  assert.equal(placeOf(torchrun)?.addresses, ["head"]);
  assert.is(placeOf(torchrun)?.ports[0], 29501, "torchrun's own store has 29500");
  assert.equal(placeOf(srun)?.addresses, ["rack07-gpu"]);
  assert.equal(placeOf(mpirun)?.addresses, ["192.0.2.2", "10.0.0.1", "fd00::2"]);
  assert.equal(placeOf({ ...mpirun, MASTER_ADDR: "ten" })?.addresses, ["ten"]);
  assert.equal(placeOf({ ...mpirun, MLAC_PORT: "5000" })?.ports, [5000]);
  const others = [
    [srun, { SLURM_PROCID: "6" }, { SLURM_JOB_ID: "4712" }],
    [mpirun, { OMPI_COMM_WORLD_RANK: "6" }, { PMIX_NAMESPACE: "47841282" }],
  ] as const;
  for (const [environment, rank, job] of others) {
    const [one, other] = [placeOf(environment), placeOf({ ...environment, ...rank })];
    assert.equal([one?.ports, one?.token], [other?.ports, other?.token]);
    assert.is.not(one?.ports[0], placeOf({ ...environment, ...job })?.ports[0], "two jobs on one host do not meet");
  }
});

test("launchers within launchers: the inner one counts", () => {
  const orted = { ...srun, SLURM_PROCID: "1", SLURM_STEP_NUM_TASKS: "2" };
  assert.is(placeOf({ ...orted, ...mpirun })?.launcher, "mpirun");
  assert.is(placeOf({ ...orted, ...torchrun })?.launcher, "torchrun");
});

test("what contradicts itself is refused", async () => {
  const refused = (environment: Record<string, string | undefined>, sentence: RegExp): Promise<void> =>
    failsWith(() => placeOf(environment), "use/ranks", sentence);
  await refused({ ...mpirun, ...torchrun, RANK: "4" }, /mpirun says rank 5 of 8, and torchrun rank 4 of 8/);
  await refused({ ...srun, RANK: "5", WORLD_SIZE: "4" }, /RANK is 5, and WORLD_SIZE is 4/);
  await refused({ ...srun, RANK: "1", WORLD_SIZE: "8", MASTER_ADDR: "x" }, /torchrun says rank 1 of 8, and srun rank 5 of 8/);
  await refused({ RANK: "1" }, /RANK is set, and WORLD_SIZE is not/);
  await refused({ WORLD_SIZE: "2" }, /WORLD_SIZE is set, and RANK is not/);
  await refused({ ...torchrun, RANK: "first" }, /RANK is "first", which is no whole number/);
  await refused({ ...torchrun, LOCAL_RANK: "4" }, /LOCAL_RANK is 4, and LOCAL_WORLD_SIZE is 4/);
  await refused({ ...torchrun, MASTER_ADDR: undefined }, /MASTER_ADDR is not set/);
  await refused({ ...mpirun, OMPI_COMM_WORLD_RANK: "0" }, /rank 0 does not run on mpirun's own host/);
});

test("SLURM's lists of hosts", () => {
  assert.equal(["a", "a,b", "n[3,5]", "n[03-05]", "r[1-2]n[3-4]-x,z"].map(firstHost), ["a", "a", "n3", "n03", "r1n3-x"]);
  assert.equal(
    [0, 2, 3].map((host) => countOfHost("4(x3),2", host)),
    [4, 4, 2],
  );
});

test("each rank has a GPU of its own, its share of the processors and of the step", async () => {
  const gpu = (visible: string | undefined, local: number, localSize: number): string | undefined => {
    const environment = { CUDA_VISIBLE_DEVICES: visible };
    chooseGpu({ local, localSize }, environment);
    return environment.CUDA_VISIBLE_DEVICES;
  };
  assert.equal([gpu(undefined, 3, 4), gpu("4,5,6,7", 2, 4), gpu("GPU-9f", 2, 4)], ["3", "6", "GPU-9f"]);
  await failsWith(() => gpu("0,1", 2, 4), "use/ranks", /4 ranks are on this host, and CUDA_VISIBLE_DEVICES shows 2 GPUs/);
  assert.equal(
    [shareThreads({ localSize: 2 }, 0, [8, 8]), shareThreads({ localSize: 2 }, 0, [1, 8]), shareThreads({ localSize: 2 }, 3, [8, 8])],
    [4, 1, 3],
  );
  shareWork(8, 4);
  await failsWith(() => shareWork(6, 4), "use/accumulate", /6 micro-batches, which 4 ranks cannot share evenly/);
});

test("ranks see other windows, together those of one process, and no token twice in an epoch", async () => {
  const shards = await Promise.all(
    [1003, 517].map(async (tokens, i) => {
      const path = join(temporaryFolder(), `${i}.bin`);
      await writeShard(
        path,
        Uint16Array.from({ length: tokens }, (_, at) => 2000 * i + at),
        2,
      );
      return path;
    }),
  );
  const open = () => openBatches({ shards, batch: 3, length: 16, vocabulary: 65536, seed: 5 });
  const alone = open();
  const steps = Math.floor(alone.windows / 3 / 4);
  const expected = Array.from({ length: 4 * steps }, () => [...alone.next().tokens]);
  for (const size of [1, 2, 4]) {
    const seen: number[][] = [];
    const ends = Array.from({ length: size }, (_, rank) => {
      const batches = open();
      for (let step = 0; step < steps; step++)
        for (let micro = rank; micro < 4; micro += size) {
          batches.skip(rank);
          seen[4 * step + micro] = [...batches.next().tokens];
          batches.skip(size - 1 - rank);
        }
      return batches.position;
    });
    assert.equal(seen, expected, `${size} ranks`);
    for (const end of ends) assert.equal(end, alone.position);
  }
  assert.is(new Set(expected.flat()).size, expected.flat().length);
});

test("ranks that differ are told by what", async () => {
  const facts = { "the target": "cpu, f32", "the train shard a.bin": "12" };
  requireAgreement([facts, { ...facts }]);
  await failsWith(
    () => requireAgreement([facts, facts, { ...facts, "the target": "cuda, bf16" }]),
    "run/ranks",
    /rank 2 differs from rank 0 in the target/,
  );
  await failsWith(
    () => requireAgreement([facts, { "the target": "cpu, f32" }]),
    "run/ranks",
    /rank 1 .* in the train shard a\.bin: not there, and 12/,
  );
});

/** Two ranks in this process; gives what the hub decided. */
async function meeting(
  work: (hub: Hub, join: (rank: number, more?: { size?: number; token?: string }) => Promise<Member>) => Promise<void>,
): Promise<Verdict> {
  const hub = await Hub.open("127.0.0.1", [0], { size: 2, token: "secret", mlac: "1", timeout: 8, patience: 8 });
  const members: Member[] = [];
  const joining = async (rank: number, { size = 2, token = "secret" } = {}): Promise<Member> => {
    const place = {
      rank,
      size,
      token,
      addresses: ["127.0.0.1"],
      ports: [hub.port],
      local: rank,
      localSize: size,
      launcher: "mlac",
      served: true,
      mpi: false,
    } as const;
    const ignore = (): void => undefined;
    const member = await Member.join(place, { rank, mlac: "1", timeout: 8, patience: 1, onSignal: ignore, onEnd: ignore, onLost: ignore });
    members.push(member);
    return member;
  };
  try {
    await work(hub, joining);
    return await hub.verdict;
  } finally {
    for (const member of members) member.close();
    hub.close();
  }
}

test("ranks meet, and strangers are sent away", async () => {
  const verdict = await meeting(async (hub, join) => {
    for (const text of ["GET / HTTP/1.1\r\n\r\n", '{"type":"hello","token":"guessed","rank":1,"size":2}\n']) {
      const stranger = connect(hub.port, "127.0.0.1");
      stranger.write(text);
      await once(stranger, "close");
    }
    await failsWith(() => join(1, { token: "guessed" }), "run/port", /did not reach/);
    const [zero, one] = await Promise.all([join(0), join(1)]);
    assert.equal(await Promise.all([zero.meet("here", "a"), one.meet("here", "b")]), [
      ["a", "b"],
      ["a", "b"],
    ]);
    zero.finished("done");
    one.finished(undefined);
  });
  assert.equal(verdict, { code: 0, diagnostics: [], outcome: "done" });
});

test("a rank that was started among another number of ranks ends all", async () => {
  const sentence = /rank 1 was started as one of 3 ranks, and rank 0 as one of 2/;
  const verdict = await meeting((_, join) => failsWith(() => join(1, { size: 3 }), "run/ranks", sentence));
  assert.is(verdict.code, 1);
  assert.match(verdict.diagnostics[0]?.message ?? "", sentence);
});

test("a failure is told once: of the rank, or of all", async () => {
  const shard = { slug: "data/shard", message: "train.bin cannot be read", frames: [] };
  const consequence = { slug: "run/failed", message: "gave up waiting for other ranks", frames: [] };
  const told = async (first: object, second: object): Promise<string | undefined> =>
    (
      await meeting(async (_, join) => {
        const [zero, one] = await Promise.all([join(0), join(1)]);
        zero.failed([first as typeof shard], 1);
        one.failed([second as typeof shard], 1);
      })
    ).diagnostics[0]?.message;
  assert.is(await told(shard, shard), "train.bin cannot be read");
  assert.is(await told(consequence, shard), "rank 1: train.bin cannot be read");
});

if (!isMpiWanted) test(`left out: ${withoutMpi}`, () => undefined);
else {
  let folder = "";
  test.before(async () => {
    folder = await rankedModel();
  });
  const run = (name: string, ...more: string[]): Promise<Ran> => runRanks(training("--run", name, ...more), { cwd: folder });

  test("two ranks train what one process trains, and a run goes on with any number of ranks", async () => {
    for (const [name, ...more] of [["one"], ["two", "-n", "2"], ["moved", "-n", "2", "--steps", "12"]]) {
      const { code, err } = await run(name!, ...more);
      assert.is(code, 0, err);
    }
    // Back to step 8, and on with four, then with one.
    const from = join("moved", "checkpoints", "step-000008");
    const four = await runRanks(training("-n", "4", "--resume", "--run", from), { cwd: folder });
    assert.is(four.code, 0, four.err);
    const alone = await runRanks(training("--resume", "--run", from), { cwd: folder });
    assert.is(alone.code, 0, alone.err);
    const [one, two, moved] = ["one", "two", "moved"].map((name) => metricsOf(join(folder, name)));
    assert.is(moved!.length, 12);
    for (const [i, expected] of one!.entries())
      for (const found of [two![i]!, moved![i]!]) {
        assert.ok(Math.abs(found["loss"]! - expected["loss"]!) < 1e-5, `step ${i + 1}: ${found["loss"]} and ${expected["loss"]}`);
        assert.is("validationLoss" in found, "validationLoss" in expected);
        if ("validationLoss" in expected) assert.ok(Math.abs(found["validationLoss"]! - expected["validationLoss"]!) < 1e-5);
      }
    assert.equal([two![0]!["ranks"], one![0]!["ranks"]], [2, undefined]);
    assert.ok(
      two!.every((line) => line["sentBytes"]! > 0 && line["sentGradientBytes"]! < line["sentBytes"]! && line["exposedBackward"]! >= 0),
    );
    assert.is(await checkpointOf(join(folder, "two")), 12);
    const { code, err } = await runRanks([process.execPath, cli, "report", "two"], { cwd: folder });
    assert.is(code, 0, err);
    const report = readFileSync(join(folder, "two", "report.html"), "utf8");
    for (const title of ["Waiting for other ranks", "Sent between ranks", "2; of the machine of rank 0"]) assert.match(report, title);
  });

  test("what cannot be is said before anything is started", async () => {
    const share = await run("three", "-n", "3");
    assert.is(share.code, 1);
    assert.match(share.err, /use\/accumulate {2}a step has 4 micro-batches, which 3 ranks cannot share evenly/);
    const within = await runRanks(training("-n", "2"), { cwd: folder, environment: torchrun });
    assert.match(within.err, /use\/ranks {2}-n 2 starts ranks, and this is one already: rank 5 of 8, started by torchrun/);
  });

  test("the result of ranks is that of one process: JSON on standard output, the rest beside it", async () => {
    const { code, out } = await run("json", "-n", "2", "--steps", "2", "--json");
    assert.is(code, 0);
    const { ok, step, folder: place } = JSON.parse(out) as { ok: boolean; step: number; folder: string };
    assert.equal([ok, step, place], [true, 2, "json"]);
  });
}

test.run();
