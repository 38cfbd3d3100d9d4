/** The CUDA library's own checks: every program of bench/cuda, run with `check`. */
import { readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { execa } from "execa";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { nvccPath } from "../../compiler/emit/nvcc.js";
import { root } from "../../compiler/package.js";
import { gpuTools } from "./gpu.js";

const { architecture } = await gpuTools();
const folder = join(root, "bench/cuda");
const programs = readdirSync(folder)
  .filter((name) => name.endsWith(".cu"))
  .map((name) => basename(name, ".cu"));

async function start(program: string, given: readonly string[], seconds: number): Promise<void> {
  const { exitCode, all, timedOut } = await execa(program, given, {
    cwd: folder,
    all: true,
    reject: false,
    stdin: "ignore",
    timeout: seconds * 1000,
  });
  console.log(all);
  assert.is(exitCode, 0, timedOut ? `no end after ${seconds} s` : `exit code ${exitCode}`);
}

test("the library's programs compile", async () => {
  const given = ["-k", `-j${availableParallelism()}`, `ARCH=${architecture.replace("sm_", "")}`, `NVCC=${nvccPath()}`];
  await start("make", [...given, ...programs.map((name) => `build/${name}`)], 600);
});
for (const name of programs) test(`${name} passes its checks`, () => start(join(folder, "build", name), ["check"], 120));

test.run();
