/** The CUDA target's tools, with programs that stand in for nvcc and nvidia-smi; the real nvcc where there is one. No GPU is needed. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { checkFileChoices, choiceNames, choicesKnown, choicesOf, resolveChoicesFor } from "../compiler/choices.js";
import { type Machine, targetToBuild, targetToRun } from "../compiler/chooseTarget.js";
import { findLibrary } from "../compiler/doctorCuda.js";
import { compilerEnvironment, which } from "../compiler/emit/compiler.js";
import { cudaTools } from "../compiler/emit/cudaTools.js";
import { architectureOf, checkDriver, cudaCompiler, cudaFlags, cudaLinkFlags, findNvcc, nvccPath } from "../compiler/emit/nvcc.js";
import { readResources, resourcesOf } from "../compiler/emit/resources.js";
import { compileLibrary } from "../compiler/emit/toolchain.js";
import { findGpus, type Gpu, gpuFingerprint } from "../compiler/gpu.js";
import type { Manifest } from "../compiler/manifest.js";
import { describeMemory } from "../compiler/memory.js";
import { modelPlace } from "../compiler/place.js";
import { realFor } from "../compiler/target.js";
import { seal } from "../compiler/upToDate.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("nvcc");
const folder = temporaryFolder();

let made = 0;
/** A folder with one program in it; the programs that scripts need lie beside it. */
function pretend(name: string, script: string): { path: string; PATH: string } {
  const bin = join(folder, `bin${++made}`);
  mkdirSync(bin);
  for (const tool of ["sh", "cat", "g++"]) {
    const real = which(tool);
    if (real !== undefined) symlinkSync(real, join(bin, tool));
  }
  writeFileSync(join(bin, name), `#!/bin/sh\n${script}\n`);
  chmodSync(join(bin, name), 0o755);
  return { path: join(bin, name), PATH: bin };
}

const version = (release: string): string =>
  `echo "nvcc: NVIDIA (R) Cuda compiler driver"; echo "Cuda compilation tools, release ${release}, V${release}.88"`;

const h200 = (more: Partial<Gpu> = {}): Gpu => ({ name: "NVIDIA H200", uuid: "GPU-1", capability: "9.0", driver: "580.65.06", ...more });

async function withEnvironment<T>(values: Record<string, string>, work: () => Promise<T>): Promise<T> {
  const before = Object.fromEntries(Object.keys(values).map((name) => [name, process.env[name]]));
  Object.assign(process.env, values);
  try {
    return await work();
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

// ---- nvcc

test("nvcc is found by NVCC, then on the PATH, then in CUDA's folders", () => {
  const a = pretend("nvcc", version("12.8"));
  const home = join(folder, "cuda");
  mkdirSync(join(home, "bin"), { recursive: true });
  symlinkSync(a.path, join(home, "bin", "nvcc"));
  assert.is(nvccPath({ NVCC: a.path, PATH: "/nowhere" }), a.path);
  assert.is(nvccPath({ PATH: a.PATH, CUDA_HOME: home }), a.path);
  assert.is(nvccPath({ PATH: "/nowhere", CUDA_HOME: home }), join(home, "bin/nvcc"));
  assert.is(nvccPath({ PATH: "/nowhere", CUDA_PATH: home }), join(home, "bin/nvcc"));
  assert.is(nvccPath({ NVCC: "/nowhere/nvcc", PATH: a.PATH }), undefined);
});

test("its version is read, and one that is too old, for mlac or for the GPU, is refused", async () => {
  const good = await findNvcc("sm_90a", { NVCC: pretend("nvcc", version("12.8")).path });
  assert.is(good.version, "12.8");
  assert.is((await findNvcc("sm_100", { NVCC: pretend("nvcc", version("13.0")).path })).version, "13.0");
  const old = { NVCC: pretend("nvcc", version("12.3")).path };
  await failsWith(() => findNvcc("sm_80", old), "tool/old", /CUDA 12\.3 .*needs 12\.4/);
  const four = { NVCC: pretend("nvcc", version("12.4")).path };
  await findNvcc("sm_90a", four);
  await failsWith(() => findNvcc("sm_120", four), "tool/old", "12.8 or newer for sm_120");
});

test("no nvcc, or what is none, is a missing tool", async () => {
  await failsWith(() => findNvcc("sm_90a", { NVCC: "/nowhere/nvcc" }), "tool/missing", "/nowhere/nvcc");
  await failsWith(() => findNvcc("sm_90a", { NVCC: pretend("nvcc", "echo hello").path }), "tool/missing", "--version");
});

test("a driver that is too old for what nvcc makes is refused", async () => {
  const nvcc = (release: string) => ({ path: "nvcc", version: release, text: "" });
  checkDriver(nvcc("13.0"), h200());
  checkDriver(nvcc("12.8"), h200({ driver: "525.60.13" }));
  await failsWith(() => checkDriver(nvcc("13.0"), h200({ driver: "570.12" })), "tool/driver", /570\.12.*needs 580/);
  await failsWith(() => checkDriver(nvcc("12.4"), h200({ driver: "470.1" })), "tool/driver", /needs 525/);
});

test("architectures are written in several ways", async () => {
  for (const text of ["90", "90a", "sm_90a", "9.0", "compute_90a"]) assert.is(architectureOf(text), "sm_90a", text);
  assert.equal(["8.0", "sm_89", "sm_90", "100", "12.0"].map(architectureOf), ["sm_80", "sm_89", "sm_90", "sm_100", "sm_120"]);
  for (const text of ["70", "7.5", "hopper", "", "sm_"]) await failsWith(() => architectureOf(text), "use/arch", text);
  assert.match(cudaFlags("sm_90a").join(" "), "-gencode arch=compute_90a,code=sm_90a -DMLAC_HOPPER");
  assert.match(cudaFlags("sm_89").join(" "), "-gencode arch=compute_89,code=sm_89 -Xcompiler");
});

test("variables that change nvcc's flags do not reach it", () => {
  assert.equal(compilerEnvironment({ PATH: "/bin", NVCC_APPEND_FLAGS: "-G", NVCC_PREPEND_FLAGS: "-g" }), { PATH: "/bin", LC_ALL: "C" });
});

// ---- GPUs

const two = "NVIDIA H200, GPU-aa, 580.65.06, 143771, 143000, 9.0\nNVIDIA L4, GPU-bb, 580.65.06, 23034, [N/A], 8.9";
const smi = (said: string): Record<string, string> => ({ PATH: pretend("nvidia-smi", `cat <<'END'\n${said}\nEND`).PATH });

test("nvidia-smi is asked for the GPUs", async () => {
  const { gpus } = await findGpus(smi(two));
  assert.equal(gpus[0], { ...h200({ uuid: "GPU-aa" }), total: 143771 * 2 ** 20, free: 143000 * 2 ** 20 });
  assert.equal([gpus[1]?.capability, gpus[1]?.free], ["8.9", undefined]);
});

test("ranks that are shown one of several equal GPUs each share a build; where GPUs differ, it is another", () => {
  const one = (chosen: string | undefined, models: string[], likely = true): string =>
    gpuFingerprint(chosen === undefined ? {} : { CUDA_VISIBLE_DEVICES: chosen }, likely, models);
  const equal = ["Model: \t NVIDIA H200", "Model: \t NVIDIA H200"];
  assert.is(one("0", equal), one("1", equal));
  assert.is(one("0", equal), one(undefined, equal));
  assert.is.not(one("-1", equal, false), one("0", equal));
  const mixed = ["Model: \t NVIDIA H200", "Model: \t NVIDIA A10"];
  assert.is.not(one("0", mixed), one("1", mixed));
  // Where nothing says which they are, they may differ.
  assert.is.not(one("0", []), one("1", []));
});

test("CUDA_VISIBLE_DEVICES chooses", async () => {
  const names = async (chosen: string) => (await findGpus({ ...smi(two), CUDA_VISIBLE_DEVICES: chosen })).gpus.map(({ uuid }) => uuid);
  assert.equal(await names("1,0"), ["GPU-bb", "GPU-aa"]);
  assert.equal(await names("GPU-b"), ["GPU-bb"]);
  assert.equal(await names("1,-1,0"), ["GPU-bb"]);
  assert.equal(await names(""), []);
  assert.match((await findGpus({ ...smi(two), CUDA_VISIBLE_DEVICES: "-1" })).reason ?? "", "CUDA_VISIBLE_DEVICES");
});

test("without a GPU there is a reason", async () => {
  const failing = pretend("nvidia-smi", 'echo "NVIDIA-SMI has failed because it could not communicate with the driver."; exit 9');
  const { gpus, reason } = await findGpus({ PATH: failing.PATH });
  assert.equal(gpus, []);
  assert.match(reason ?? "", "could not communicate");
  assert.match((await findGpus(smi(""))).reason ?? "", "no GPU");
});

test("a driver that does not know compute_cap is asked without it", async () => {
  const script = `case "$1" in *compute_cap*) echo 'Field "compute_cap" is not a valid field to query.'; exit 2;; esac
    echo "NVIDIA A100, GPU-cc, 470.82, 40536, 40000"`;
  const { gpus } = await findGpus({ PATH: pretend("nvidia-smi", script).PATH });
  assert.equal([gpus[0]?.driver, gpus[0]?.capability], ["470.82", undefined]);
});

// ---- targets

const machine = (gpus: Gpu[], nvcc?: string): Machine => ({
  likely: () => gpus.length > 0,
  gpus: async () => ({ gpus, ...(gpus.length > 0 ? {} : { reason: "no NVIDIA GPU is found" }) }),
  nvcc: () => nvcc,
});

test("auto builds for a GPU that is there with nvcc, and for the processor else", () => {
  assert.equal(targetToBuild({ target: "auto" }, machine([h200()], "nvcc")), { target: "cuda", dtype: "bf16" });
  assert.is(targetToBuild({ target: "auto" }, machine([h200()])).target, "cpu");
  assert.equal(targetToBuild({ target: "auto" }, machine([], "nvcc")), { target: "cpu", dtype: "f32" });
  assert.equal(targetToBuild({ target: "auto", dtype: "f64" }, machine([h200()], "nvcc")), { target: "cpu", dtype: "f64" });
  assert.is(targetToBuild({ target: "auto", arch: "80" }, machine([])).target, "cuda");
  assert.is(targetToBuild({ target: "cuda" }, machine([])).target, "cuda");
});

test("what computes without a GPU says why it is the processor", async () => {
  for (const target of ["auto", "cuda"] as const)
    assert.equal(await targetToRun({ target }, machine([], "nvcc")), { target: "cpu", dtype: "f32", why: "no NVIDIA GPU is found" });
  assert.equal(await targetToRun({ target: "cpu" }, machine([h200()], "nvcc")), { target: "cpu", dtype: "f32" });
  assert.equal(await targetToRun({ target: "auto" }, machine([h200()], "nvcc")), { target: "cuda", dtype: "bf16" });
  assert.match((await targetToRun({ target: "auto" }, machine([h200()]))).why ?? "", "no nvcc");
  assert.is((await targetToRun({ target: "cuda" }, machine([h200()]))).target, "cuda", "its build says that nvcc is missing");
  assert.match((await targetToRun({ target: "cuda" }, machine([h200({ capability: "7.5" })], "nvcc"))).why ?? "", "7.5");
});

test("a target computes in its own numbers", async () => {
  await failsWith(() => realFor("cuda", "f64"), "use/dtype", "cuda target does not compute in f64");
  await failsWith(() => realFor("cpu", "bf16"), "use/dtype", "cpu");
  await failsWith(() => targetToRun({ target: "cuda", dtype: "f64" }, machine([])), "use/dtype", "f64");
  await failsWith(() => targetToBuild({ target: "cpu", arch: "90" }), "use/arch", "--target cpu");
});

test("each target has its folder, and float64 one of its own", () => {
  const end = (target: "cpu" | "cuda", dtype: "f32" | "f64" | "bf16") =>
    modelPlace({ model: "a/model.ts", target, dtype }).split("/").slice(-2);
  assert.equal(end("cpu", "f32"), ["a", "cpu"]);
  assert.equal(end("cpu", "f64"), ["a", "cpu-f64"]);
  assert.equal(end("cuda", "bf16"), ["a", "cuda"]);
});

test("a build for the GPU is sealed with its architecture and its nvcc", async () => {
  const inputs = { model: "m.ts", target: "cuda", dtype: "bf16", fuse: {}, set: {} } as const;
  const first = await withEnvironment({ NVCC: pretend("nvcc", version("13.0")).path }, async () => seal(inputs));
  await withEnvironment({ NVCC: pretend("nvcc", `${version("13.0")}\n# another`).path }, async () => {
    assert.is.not(seal(inputs), first);
    assert.is(seal(inputs), seal(inputs));
    assert.is.not(seal(inputs), seal({ ...inputs, arch: "80" }));
    assert.is(seal({ ...inputs, target: "cpu" }), seal({ ...inputs, target: "cpu", arch: "80" }));
  });
});

test("what a build needs is looked at before it starts", async () => {
  const nvcc = pretend("nvcc", version("13.0"));
  const gpu = (line: string): Record<string, string> => ({ NVCC: nvcc.path, PATH: smi(line)["PATH"]! });
  const manifest = { model: "m", memory: { total: 30 * 2 ** 30 } } as Manifest;
  await withEnvironment(gpu("NVIDIA L4, GPU-1, 580.65, 23034, 22000, 8.9"), async () => {
    const tools = await cudaTools();
    assert.equal([tools.architecture, tools.compiler.kind], ["sm_89", "nvcc"]);
    await failsWith(() => tools.checkMemory(manifest), "plan/memory", "NVIDIA L4");
    (await cudaTools("sm_90a")).checkMemory(manifest); // Built for another machine.
  });
  await withEnvironment(gpu("NVIDIA H200, GPU-1, 560.1, 143771, 143000, 9.0"), () => failsWith(() => cudaTools(), "tool/driver", "560.1"));
  await withEnvironment({ ...gpu("NVIDIA H200, GPU-1, 580.1, 143771, 143000, 9.0"), CXX: "no-such-compiler" }, () =>
    failsWith(() => cudaTools(), "tool/missing", "no-such-compiler"),
  );
  assert.is((await withEnvironment(gpu(""), () => cudaTools())).architecture, "sm_90a");
});

test("the plan of a GPU's memory is held against a GPU's, or nothing", () => {
  const kinds = { weights: 1, gradients: 1, optimizer: 1, activations: 1, io: 1, tables: 1 };
  const memory = { kinds, total: 6, scratchPerThread: 0, buffers: [] };
  const manifest = { model: "m", target: "cuda", dtype: "bf16", parameters: [], memory } as unknown as Manifest;
  assert.match(describeMemory(manifest), "of a GPU's memory");
  assert.not.match(describeMemory(manifest), "scratch");
  assert.match(describeMemory(manifest, 0, { bytes: 5, whose: "the NVIDIA H200's" }), "more than the NVIDIA H200's 5 B");
});

// ---- choices

test("every choice has a value on every target, and a model's file may name those of another", async () => {
  for (const target of ["cpu", "cuda"] as const)
    for (const name of choiceNames) resolveChoicesFor(target, { [name]: choicesOf(name, target).auto });
  assert.is(resolveChoicesFor("cuda")["crossEntropy"], "chunk:2048");
  assert.is(resolveChoicesFor("cuda", { moeOut: "scatter" })["moeOut"], "scatter");
  await failsWith(() => resolveChoicesFor("cuda", { muon: "gram" }), "use/fuse", "muon=gram is not a choice of the cuda target");
  await failsWith(() => resolveChoicesFor("cpu", { moeOut: "scatter" }), "use/fuse", "not a choice of the cpu target");
  assert.equal(checkFileChoices({ moeOut: "scatter", norm: "fused" }, {}, "cpu"), { norm: "fused" });
  assert.equal(checkFileChoices({ moeOut: "scatter", muon: "gram", crossEntropy: "auto" }, {}, "cuda"), {
    moeOut: "scatter",
    crossEntropy: "chunk:2048",
  });
  await failsWith(() => checkFileChoices({ norm: "none" }, {}, "cuda"), "use/fuse", 'norm cannot be "none"');
  await failsWith(() => checkFileChoices({ nrm: "own" }, {}, "cuda"), "use/fuse", "nrm");
  assert.equal(choicesKnown({ moeOut: "scatter", mla: "rebuild" }, "cpu"), { here: { mla: "rebuild" }, elsewhere: { moeOut: "scatter" } });
});

// ---- what the assembler says

const log = `ptxas info    : 0 bytes gmem
ptxas info    : Compiling entry function '_ZN4mlac36_GLOBAL__N__31f2b892_4_a_cu_c018caa71kILi64ELb1EEEvPfPKf' for 'sm_90a'
ptxas info    : Function properties for _ZN4mlac36_GLOBAL__N__31f2b892_4_a_cu_c018caa71kILi64ELb1EEEvPfPKf
    8 bytes stack frame, 4 bytes spill stores, 12 bytes spill loads
ptxas info    : Function properties for _Z6helperf
    16 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 72 registers, used 1 barriers, 8 bytes cumulative stack size, 256 bytes smem
ptxas info    : Compile time = 25.361 ms
ptxas info    : Compiling entry function '_ZN4mlac5plainEPf' for 'sm_80'
ptxas info    : Function properties for _ZN4mlac5plainEPf
    0 bytes stack frame, 0 bytes spill stores, 0 bytes spill loads
ptxas info    : Used 10 registers, 360 bytes cmem[0]
`;

test("registers and spills of every kernel are read", () => {
  const [k, helper, plain, ...more] = readResources(log);
  assert.equal(more, []);
  assert.equal(
    { ...k, symbol: "" },
    {
      kernel: "k<64, true>",
      symbol: "",
      architecture: "sm_90a",
      registers: 72,
      spillBytes: 16,
      stackBytes: 8,
      sharedBytes: 256,
    },
  );
  assert.equal([helper?.kernel, helper?.stackBytes, helper?.registers], ["helper", 16, 0]);
  assert.equal([plain?.kernel, plain?.registers, plain?.sharedBytes, plain?.architecture], ["plain", 10, 0, "sm_80"]);
});

// ---- building

const file = (place: string, name: string, text: string): string => {
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, name), text);
  return join(place, name);
};

/** Answers as nvcc does, and writes what it was started with into what it makes. */
const stand = `[ "$1" = --version ] && { ${version("13.0")}; exit 0; }
case "$*" in *broken.cu*) echo 'kernels/broken.cu(3): error: identifier "nothing" is undefined' >&2; exit 2;; esac
case "$*" in *unfit.cu*) echo '/usr/include/crt/host_config.h:143:2: error: #error -- unsupported GNU version! gcc versions later than 13 are not supported! The nvcc flag x' >&2; exit 1;; esac
case "$*" in *-Xptxas*) cat >&2 <<'END'
${log}END
;; esac
all="$*"
while [ $# -gt 1 ]; do shift; done
echo "$all" > "$1"`;

test("objects are kept by what went into them, each with the assembler's log, and a shell sees no path but mlac's own names", async () => {
  const nvcc = await findNvcc("sm_90a", { NVCC: pretend("nvcc", stand).path });
  const compiler = await cudaCompiler(nvcc);
  const place = join(folder, "model $(touch pwned)");
  const header = file(join(place, "lib"), "shared.cuh", "// one\n");
  const a = file(join(place, "kernels"), "a.cu", '#include "../lib/shared.cuh"\n');
  const b = file(join(place, "kernels"), "b.cu", "\n");
  const library = join(place, "model.so");
  const build = () =>
    compileLibrary({ compiler, sources: [a, b], includes: [place], library, flags: cudaFlags("sm_90a"), link: cudaLinkFlags });
  const first = await build();
  assert.equal([first.compiled, first.reused], [2, 0]);
  const objects = join(place, "objects");
  assert.equal((await resourcesOf(objects, first.objects)).get("a")?.length, 3);
  assert.equal((await resourcesOf(objects)).size, 2);
  const compiled = readFileSync(join(objects, first.objects[0]!), "utf8");
  assert.match(compiled, "-ccbin /");
  assert.match(compiled, "-I. -c kernels/a.cu -o objects/a-");
  assert.not.match(compiled + readFileSync(library, "utf8"), "touch");
  assert.match(readFileSync(library, "utf8"), /-o model\.so/);
  assert.equal((await build()).compiled, 0);
  writeFileSync(header, "// two\n");
  assert.equal((await build()).compiled, 1);
  assert.not.ok(readdirSync(objects).some((name) => name.endsWith(".tmp")));

  const broken = file(join(place, "kernels"), "broken.cu", "");
  await failsWith(
    () => compileLibrary({ compiler, sources: [broken], library, flags: cudaFlags("sm_90a") }),
    "tool/failed",
    "nvcc refused the CUDA C++",
  );
  const unfit = file(join(place, "kernels"), "unfit.cu", "");
  await failsWith(
    () => compileLibrary({ compiler, sources: [unfit], library, flags: cudaFlags("sm_90a") }),
    "tool/host",
    "gcc versions later than 13",
  );
});

test("a library is found where LD_LIBRARY_PATH says, and in Python's packages", async () => {
  const libraries = join(folder, "libraries");
  const path = file(libraries, "libmlac_none.so.2", "");
  assert.is(await findLibrary("libmlac_none.so", { LD_LIBRARY_PATH: `/nowhere:${libraries}` }), path);
  const environment = join(folder, "venv");
  const packaged = file(join(environment, "lib/python3.12/site-packages/nvidia/none/lib"), "libmlac_none.so.3", "");
  assert.is(await findLibrary("libmlac_none.so", { VIRTUAL_ENV: environment }), packaged);
  assert.is(await findLibrary("libmlac_none.so", {}), undefined);
});

if (nvccPath() !== undefined)
  test("the nvcc that is here makes a library", async () => {
    const compiler = await cudaCompiler(await findNvcc("sm_80"));
    const place = join(folder, "real place");
    const source = file(
      join(place, "kernels"),
      "fill.cu",
      `#include <cuda_runtime.h>
namespace { template <int N> __global__ void fill(float* x) { x[blockIdx.x * N + threadIdx.x] = N; } }
extern "C" void launch(cudaStream_t stream, float* x) { fill<128><<<1, 128, 0, stream>>>(x); }
`,
    );
    const library = join(place, "model.so");
    const { objects } = await compileLibrary({ compiler, sources: [source], library, flags: cudaFlags("sm_80"), link: cudaLinkFlags });
    assert.ok(existsSync(library));
    const [fill] = (await resourcesOf(join(place, "objects"), objects)).get("fill") ?? [];
    assert.equal([fill?.kernel, fill?.architecture, fill?.spillBytes], ["fill<128>", "sm_80", 0]);
    assert.ok((fill?.registers ?? 0) > 0);
  });

test.run();
