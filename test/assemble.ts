/** Emitted kernels through nvcc as far as machine code, for tests that ask what the assembler says of them. */
import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { execa } from "execa";
import * as assert from "uvu/assert";
import type { Emission } from "../compiler/compile.js";
import { writeModel } from "../compiler/emit/files.js";
import { type KernelResources, readResources } from "../compiler/emit/resources.js";

/** What each kernel's file takes, by its name; `only`: with this in it. Without the host's half of the compilation, which costs as much again. */
export async function assembleKernels(
  nvcc: string,
  place: string,
  emission: Emission,
  flags: readonly string[],
  only = "",
): Promise<Map<string, KernelResources[]>> {
  const { sources } = await writeModel(place, emission);
  await mkdir(join(place, "objects"), { recursive: true });
  const queue = sources.filter((path) => path.includes("/kernels/") && basename(path).includes(only));
  const found = new Map<string, KernelResources[]>();
  const work = async (): Promise<void> => {
    for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
      const name = basename(path, ".cu");
      const given = [
        "-std=c++17",
        "-O3",
        "--expt-relaxed-constexpr",
        ...flags,
        "-Xptxas",
        "-v",
        "-fatbin",
        path,
        "-o",
        join(place, "objects", `${name}.fatbin`),
      ];
      const { exitCode, all } = await execa(nvcc, given, { cwd: place, all: true, reject: false, stdin: "ignore" });
      assert.is(exitCode, 0, `${name}: ${all}`);
      found.set(name, readResources(all));
    }
  };
  await Promise.all(Array.from({ length: Math.max(2, availableParallelism()) }, work));
  return found;
}

/** Registers that do not fit are kept in memory, which is slow and nobody's intention. Stacks are reported. */
export function checkSpills(resources: ReadonlyMap<string, readonly KernelResources[]>): void {
  assert.ok(resources.size > 0);
  const all = [...resources].flatMap(([file, kernels]) => kernels.map((kernel) => ({ file, ...kernel })));
  const stacks = all.filter(({ stackBytes }) => stackBytes > 0);
  for (const { file, kernel, architecture, stackBytes } of stacks)
    console.log(`${file}: ${kernel} for ${architecture} has ${stackBytes} bytes of stack`);
  const spills = all.filter(({ spillBytes }) => spillBytes > 0);
  assert.equal(
    spills.map(({ file, kernel, architecture, spillBytes }) => `${file}: ${kernel} for ${architecture} spills ${spillBytes} bytes`),
    [],
  );
}
