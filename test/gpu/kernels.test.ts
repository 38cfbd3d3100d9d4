/** Every op's emitted CUDA on the GPU against its float64 reference, on the op's own samples: enrolled from the list of ops. */
import { copyFileSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { size, type Value } from "../../compiler/ir.js";
import type { Reference } from "../../compiler/ops/op.js";
import { root } from "../../compiler/package.js";
import { difference, isWrong, limitFor } from "../../compiler/verifyModel/compare.js";
import { compileDevice, Device } from "../../compiler/verifyModel/device.js";
import { fillNormal, type Numbers, numbersFor, roundToBf16 } from "../../compiler/verifyModel/numbers.js";
import { Random } from "../../runtime/random.js";
import { temporaryFolder } from "../temporary.js";
import { gpuTools } from "./gpu.js";
import { caseFiles, type OpCase, opCases } from "./opCases.js";

const tools = await gpuTools();
/** MLAC_TEST_OBJECTS: a folder that keeps objects between runs. */
const objects = process.env["MLAC_TEST_OBJECTS"];

/** Where the kernels' files go, with the library that they include. */
function writeFiles(cases: readonly OpCase[]): { folder: string; sources: string[] } {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "lib"));
  const library = join(root, "templates/cuda/lib");
  for (const name of readdirSync(library)) copyFileSync(join(library, name), join(folder, "lib", name));
  const native = join(root, "runtime/native/cuda");
  for (const name of readdirSync(native)) copyFileSync(join(native, name), join(folder, name));
  const sources = caseFiles(cases).map((text, i) => {
    const path = join(folder, `ops${i}.cu`);
    writeFileSync(path, text);
    return path;
  });
  // What host functions call beside the headers.
  return { folder, sources: [...sources, join(folder, "cublaslt.cu"), join(folder, "device.cu")] };
}

async function compile(family: "portable" | "Hopper", cases: readonly OpCase[]): Promise<Device> {
  const { folder, sources } = writeFiles(cases);
  const flags = family === "portable" ? tools.flags.filter((flag) => flag !== "-DMLAC_HOPPER") : tools.flags;
  const opening = ['#include "lib/kernel.cuh"', ...cases.map((c) => c.declaration)].join("\n");
  const place = join(folder, "verify");
  const library = await compileDevice({
    kernels: cases,
    opening,
    folder: place,
    sources,
    include: folder,
    objects: objects ?? join(folder, "objects"),
    tools: { ...tools, flags },
  });
  return new Device(cases, library);
}

/** As the samples say, the same for every run; in bf16 rounded. */
function inputsOf(c: OpCase): Map<Value, Numbers> {
  const random = new Random(17);
  return new Map(
    c.sample.args.map((a, i) => {
      const v = c.inputs[i]!;
      const [low, high] = a.range ?? [-1.5, 1.5];
      const values = numbersFor(v);
      for (let n = 0; n < values.length; n++) values[n] = a.data ? a.data[n]! : low + (high - low) * random.next();
      if (v.type.dtype === "bf16") roundToBf16(values as Float32Array);
      return [v, values];
    }),
  );
}

function check(device: Device, c: OpCase, index: number): void {
  const inputs = inputsOf(c);
  const args: Reference[] = c.inputs.map((v) => ({ type: v.type, data: Float64Array.from(inputs.get(v)!) }));
  const types = c.outputs.map((v) => v.type);
  const wanted = c.spec.reference(args, c.sample.attrs ?? {}, types);
  const starts = new Map(c.outputs.filter(c.adds).map((v) => [v, fillNormal(new Float32Array(size(v.type)), new Random(3)) as Numbers]));
  for (const { way, name } of device.ways(index)) {
    const got = device.run(index, new Map([...inputs, ...starts]), c.outputs, way);
    for (const [i, v] of c.outputs.entries()) {
      const want = numbersFor(v);
      want.set(wanted[i]!);
      const found = difference(got.get(v)!, want, starts.get(v));
      const limit = limitFor(c.kernel, v);
      assert.not.ok(
        isWrong(found, limit),
        `output ${i} (${v.type.dtype}, ${name}): error ${found.error} of ${limit}, one element ${found.worst}`,
      );
    }
  }
}

for (const family of tools.flags.includes("-DMLAC_HOPPER") ? (["portable", "Hopper"] as const) : (["portable"] as const)) {
  const cases = opCases(family);
  let device: Device;
  test(`the kernels of all ops compile, ${family}`, async () => {
    device = await compile(family, cases);
    device.open();
  });
  for (const [index, c] of cases.entries()) test(`${c.title}, ${family}`, () => check(device, c, index));
  test(`the ${family} kernels gave the GPU back`, () => device.close());
}

test("a wrong kernel is noticed", () => {
  const c = opCases("portable").find((one) => one.spec.name === "rmsnorm")!;
  const inputs = inputsOf(c);
  const args = c.inputs.map((v) => ({ type: v.type, data: Float64Array.from(inputs.get(v)!) }));
  const types = c.outputs.map((v) => v.type);
  const want = Float32Array.from(c.spec.reference(args, c.sample.attrs ?? {}, types)[0]!);
  const limit = limitFor(c.kernel, c.outputs[0]!);
  assert.ok(
    isWrong(
      difference(
        want.map((x) => x * 1.01),
        want,
      ),
      limit,
    ),
  );
  assert.ok(
    isWrong(
      difference(
        want.map((x, i) => (i === 3 ? 1 - x : x)),
        want,
      ),
      limit,
    ),
  );
  assert.ok(
    isWrong(
      difference(
        want.map((x, i) => (i === 3 ? Number.NaN : x)),
        want,
      ),
      limit,
    ),
  );
});

test.run();
