/** Ranks on GPUs that wait for one which does not come: they give up, and end by themselves, whoever started them. Where there is one GPU, nothing. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type Built, build } from "../../compiler/build.js";
import { findGpus } from "../../compiler/gpu.js";
import { ranksId } from "../../runtime/place.js";
import { checkpointOf, cli, fill } from "../ranked.js";
import { temporaryFolder } from "../temporary.js";
import { start } from "./processes.js";

const { gpus } = await findGpus();
const check = gpus.length > 1 ? test : test.skip;
if (gpus.length < 2) console.log(`skipped: ${gpus.length} GPU is here, and these tests take 2`);

const folder = temporaryFolder();
const model = join(folder, "model.ts");
const out = process.env["MLAC_TEST_RANKED"] ?? join(folder, "build");
const built: Built | undefined = gpus.length < 2 ? undefined : await prepare();

async function prepare(): Promise<Built> {
  await fill(folder, "the quick brown fox jumps over the lazy dog; ");
  return build({ model, target: "cuda", dtype: "bf16", fuse: {}, set: {}, out });
}

check("what NCCL has in a graph gives up after the timeout, and when it is told to, with a sentence", async () => {
  const said = async (ending: string): Promise<string> => {
    const id = Buffer.from(await ranksId(built!)).toString("hex");
    const [first] = await start(2, "absent.js", [built!.directory, ending, id]);
    assert.is(first!.code, 1);
    return first!.said;
  };
  const timeout = await said("timeout");
  assert.match(timeout, /waited at (head norm|a layer of layers)/);
  assert.match(timeout, /nothing moved for 2 s in the micro-step/);
  assert.match(await said("abort"), /gave up waiting for other ranks in the micro-step/);
});

check("ranks that were started one by one end with the report when one of them is stopped", async () => {
  const timeout = 5;
  const given = `train model.ts --target cuda --out ${out} --no-report --no-tensorboard --timeout ${timeout} --run stopped`;
  const port = 20000 + (process.pid % 10000);
  const started = (rank: number): ReturnType<typeof spawn> =>
    spawn(process.execPath, [cli, ...given.split(" ")], {
      cwd: folder,
      stdio: ["ignore", "ignore", "pipe"],
      env: {
        ...process.env,
        ...{ RANK: String(rank), WORLD_SIZE: "2", LOCAL_RANK: String(rank), LOCAL_WORLD_SIZE: "2" },
        ...{ MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(port), MLAC_TUNE: "0", MLAC_FAULT: "1:step 6:backward:stop", NO_COLOR: "1" },
      },
    });
  const [first, second] = [started(0), started(1)];
  let told = "";
  let reported = 0;
  first.stderr!.setEncoding("utf8").on("data", (text: string) => {
    told += text;
    if (reported === 0 && told.includes("error ")) reported = performance.now();
  });
  const code = await new Promise<number | null>((settle) => first.once("exit", settle));
  const late = (performance.now() - reported) / 1000;
  second.kill("SIGKILL");
  assert.match(told, /error run\/rank {2}rank 1 hangs: nothing was heard for 5 s in step 6/);
  assert.is(code, 1, told);
  assert.ok(late < 5, `it ended ${late} s after its report`);
  console.log(`rank 0 ended ${late.toFixed(1)} s after its report`);
  assert.is(await checkpointOf(join(folder, "stopped")), 4);
});

test.run();
