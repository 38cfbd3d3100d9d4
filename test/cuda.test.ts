/** The CUDA target as far as it goes without a GPU: what is emitted, and that it compiles, for every architecture and without spills. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { build } from "../compiler/build.js";
import { type ChoiceName, choiceNames, choicesOf, resolveChoicesFor } from "../compiler/choices.js";
import { type Emission, emitAll } from "../compiler/compile.js";
import { backendFor } from "../compiler/emit/backend.js";
import { hostFiles } from "../compiler/emit/hostFiles.js";
import { emitModel } from "../compiler/emit/model.js";
import { nvccPath } from "../compiler/emit/nvcc.js";
import { resourcesOf } from "../compiler/emit/resources.js";
import { placeResidents } from "../compiler/emit/tensors.js";
import { kernelsOf } from "../compiler/kernel.js";
import { type Lowered, lower } from "../compiler/lower/index.js";
import type { Manifest } from "../compiler/manifest.js";
import { root } from "../compiler/package.js";
import { makePrograms } from "../compiler/programs.js";
import { assembleKernels, checkSpills } from "./assemble.js";
import { temporaryFolder } from "./temporary.js";

const model = (example: string): string => join(root, "examples", example, "model.ts");
const options = (example: string, fuse: Record<string, string> = {}) =>
  ({ model: model(example), target: "cuda", dtype: "bf16", fuse, set: {}, architecture: "sm_90a" }) as const;

const models = new Map<string, Lowered>(
  ["tiny", "dense", "gqa", "starter", "speedrun", "lite", "long"].map((name) => [name, lower(model(name))]),
);
models.set("nested stacks", lower(join(root, "test/lower/nested.ts")));

function emitted(lowered: Lowered, fuse: Partial<Record<ChoiceName, string>> = {}): ReturnType<typeof emitModel> {
  const choices = resolveChoicesFor("cuda", fuse);
  const programs = makePrograms(lowered, choices, "cuda"); // verifies after each pass
  const backend = backendFor("cuda", "bf16", lowered, choices);
  return emitModel(lowered, programs, placeResidents(lowered.parameters, lowered.plan, lowered.graph, backend.storage), backend);
}

/** Choices for heads of some widths: the models that have such. */
const ofWidths: Readonly<Record<string, readonly string[]>> = {
  latent: ["speedrun", "lite", "long"],
  inkernel: ["speedrun", "lite", "long"],
};

for (const name of choiceNames)
  for (const value of [...choicesOf(name, "cuda").values, ...(name === "crossEntropy" ? ["chunk:100"] : [])])
    test(`${name}=${value} gives programs that verify`, () => {
      for (const [example, lowered] of models) if (ofWidths[value]?.includes(example) ?? true) emitted(lowered, { [name]: value });
    });

for (const [name, lowered] of models)
  test(`${name}: no two buffers that are needed at the same time share a byte`, () => {
    for (const [program, { buffers, bytes }] of emitted(lowered).layouts) {
      const live = buffers.filter((b) => b.to >= 0);
      for (const [i, a] of live.entries()) {
        assert.ok(a.offset + a.bytes <= bytes && a.offset % 256 === 0, `${program}: ${a.name}`);
        for (const b of live.slice(i + 1)) {
          const together = a.from <= b.to && b.from <= a.to;
          const apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
          assert.ok(!together || apart, `${program}: ${a.name} and ${b.name}`);
        }
      }
    }
  });

test("no program writes one value from two kernels", () => {
  for (const lowered of models.values())
    for (const program of makePrograms(lowered, resolveChoicesFor("cuda"), "cuda")) {
      const written = new Set<unknown>();
      for (const kernel of kernelsOf(program.kernels.steps))
        for (const v of kernel.outputs) {
          assert.not.ok(written.has(v));
          written.add(v);
        }
    }
});

test("norms and rotations of heads are in the epilogue of the product that makes them, unless norm=own", () => {
  const kernels = (fuse: Partial<Record<ChoiceName, string>>): string[][] => {
    const choices = resolveChoicesFor("cuda", fuse);
    return makePrograms(models.get("speedrun")!, choices, "cuda").flatMap((program) =>
      [...kernelsOf(program.kernels.steps)].map((kernel) => kernel.ops.map((op) => op.kind)),
    );
  };
  const has = (ops: string, all: readonly string[][]): boolean => all.some((kinds) => kinds.join(" ") === ops);
  for (const ops of ["linear rmsnorm rope", "linear expand concat rmsnorm rope"]) {
    assert.ok(has(ops, kernels({})), ops);
    assert.not.ok(has(ops, kernels({ norm: "own" })), ops);
  }
});

test("the number of kernels does not grow with the number of layers", () => {
  const kernels = (layers: string): number => emitted(lower(join(root, "test/fixture/model.ts"), { set: { layers } })).kernels.length;
  assert.is(kernels("3"), kernels("30"));
});

const textsOf = (emission: Emission): Record<string, string> => ({
  ...Object.fromEntries(emission.kernels.map(({ name, text }) => [name, text])),
  ...hostFiles(emission),
  "manifest.json": JSON.stringify(emission.manifest),
});

for (const example of ["tiny", "speedrun", "lite"]) {
  test(`${example}: emitting twice gives the same texts`, async () => {
    assert.equal(textsOf(await emitAll(options(example))), textsOf(await emitAll(options(example))));
  });
  test(`${example}: the arena is as large as the plan says, and everything lies in it`, async () => {
    const emission = await emitAll(options(example));
    const { manifest } = emission;
    const [, bytes] = /ARENA_BYTES = (\d+)/.exec(hostFiles(emission)["step.cu"]!) ?? [];
    assert.is(Number(bytes), manifest.memory.total);
    checkPlaces(manifest);
  });
}

function checkPlaces({ memory, tensors }: Manifest): void {
  assert.is(
    Object.values(memory.kinds).reduce((a, b) => a + b, 0),
    memory.total,
  );
  for (const { name, offset, bytes } of memory.buffers) assert.ok(offset >= 0 && offset + bytes <= memory.total, name);
  for (const { name, offset, bytes, remainder } of tensors)
    assert.ok((remainder ?? offset) + (remainder === undefined ? bytes : bytes / 2) <= memory.total, name);
}

// What follows compiles. MLAC_TEST_OUT keeps it between runs.
const nvcc = nvccPath();
const out = process.env["MLAC_TEST_OUT"] ?? temporaryFolder();
const compiled = nvcc === undefined ? test.skip : test;
if (nvcc === undefined) console.log("nvcc is not found: that the CUDA target compiles is not tested");

compiled("tiny builds for sm_90a, and no kernel spills", async () => {
  const place = join(out, "tiny");
  await build({ ...options("tiny"), arch: "sm_90a", out: place });
  const resources = await resourcesOf(join(place, "objects"));
  const { kernels } = JSON.parse(readFileSync(join(place, "manifest.json"), "utf8")) as Manifest;
  for (const { name } of kernels) assert.ok((resources.get(name)?.length ?? 0) > 0, `the assembler said nothing of ${name}`);
  checkSpills(resources);
});

const portable = ["sm_80", "sm_89", "sm_90", "sm_100"];

compiled(`every kernel of tiny assembles for ${portable.join(", ")} without spills`, async () => {
  // The front end is most of the time, and no code of mlac's depends on the architecture: two virtual ones will do.
  const library = join(root, "templates/cuda/lib");
  for (const name of readdirSync(library)) assert.not.match(readFileSync(join(library, name), "utf8"), /__CUDA_ARCH__/, name);
  const targets = ["-gencode", "arch=compute_80,code=[sm_80,sm_89]", "-gencode", "arch=compute_90,code=[sm_90,sm_100]"];
  const resources = await assembleKernels(nvcc!, join(out, "portable"), await emitAll(options("tiny")), targets);
  for (const [name, kernels] of resources)
    for (const sm of portable)
      assert.ok(
        kernels.some(({ architecture }) => architecture === sm),
        `${name} has nothing for ${sm}`,
      );
  checkSpills(resources);
});

test.run();
