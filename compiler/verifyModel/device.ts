/** Runs single kernels on the GPU: a library with a call for each of them, and one block of memory for their arguments. */
import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import koffi, { type LibraryHandle } from "koffi";
import { fail } from "../diagnostics.js";
import type { CudaTools } from "../emit/cudaTools.js";
import { type CompileProgress, compileLibrary } from "../emit/toolchain.js";
import type { Value } from "../ir.js";
import type { Table } from "../ops/op.js";
import { root } from "../package.js";
import { type Numbers, packed, unpacked } from "./numbers.js";

/** A kernel's host function, and what it is called with. */
export interface DeviceKernel {
  /** In namespace mlac: "fwd_01_linear". */
  call: string;
  /** What its file calls it, if that is something else. */
  name?: string;
  /** As it is declared. */
  params: string;
  /** What it reads and writes, in the order of its parameters; tables and a workspace follow. */
  arguments: readonly Value[];
  tables: readonly Table[];
  workspaceBytes: number;
}

const native = join(root, "runtime/native/verify");

/** cases.cu: the calls, by number. `opening` declares the host functions. */
export function casesText(kernels: readonly DeviceKernel[], opening: string): string {
  const tables = allTables(kernels);
  const calls = kernels.map(({ call, params }, i) => {
    const given = params
      .split(", ")
      .slice(1)
      .map((p, n) => `reinterpret_cast<${p.slice(0, p.indexOf("*") + 1).replace("bf16", "mlac::bf16")}>(memory + at[${n}])`);
    return `void case_${i}(cudaStream_t stream, char* memory, const int64_t* at) { mlac::${call}(${["stream", ...given].join(", ")}); }`;
  });
  return [
    "// Every kernel by number, with its arguments taken from one block of memory. Emitted by mlac verify.",
    "#include <cmath>",
    '#include "cases.h"',
    opening,
    "namespace {",
    ...calls,
    ...tables.map((t, i) => `double table_${i}(int64_t i) { return ${t.c}; }`),
    "}  // namespace",
    `const Case CASES[] = {${kernels.map((_, i) => `case_${i}`).join(", ")}};`,
    `const int64_t CASE_COUNT = ${kernels.length};`,
    `const CaseTable CASE_TABLES[] = {${tables.map((t, i) => `{${t.length}, table_${i}}`).join(", ") || "{0, nullptr}"}};`,
    "",
  ].join("\n");
}

/** Each once. */
function allTables(kernels: readonly DeviceKernel[]): Table[] {
  const found = new Map<string, Table>();
  for (const { tables } of kernels) for (const t of tables) found.set(`${t.length} ${t.c}`, t);
  return [...found.values()];
}

export interface DeviceBuild {
  kernels: readonly DeviceKernel[];
  /** Includes and declarations of the host functions. */
  opening: string;
  /** Where the library goes. */
  folder: string;
  /** The kernels' own files, and those of runtime/native/cuda that they need. */
  sources: readonly string[];
  /** With lib/ and the files of runtime/native/cuda. */
  include: string;
  objects: string;
  tools: CudaTools;
  onProgress?: (progress: CompileProgress) => void;
}

/** Errors: tool/*. */
export async function compileDevice(build: DeviceBuild): Promise<string> {
  const { folder, kernels, opening, tools } = build;
  await mkdir(folder, { recursive: true });
  const copied = ["cases.h", "cases_session.cu"].map((name) => join(native, name));
  await Promise.all(copied.map((from) => copyFile(from, join(folder, basename(from)))));
  await writeFile(join(folder, "cases.cu"), casesText(kernels, opening));
  const { library } = await compileLibrary({
    sources: [...build.sources, join(folder, "cases.cu"), join(folder, "cases_session.cu")],
    includes: [build.include, folder],
    library: join(folder, "cases.so"),
    objects: build.objects,
    compiler: tools.compiler,
    flags: tools.flags,
    link: tools.link,
    ...(build.onProgress ? { onProgress: build.onProgress } : {}),
  });
  return library;
}

/** What stands between two arguments: bytes of ones, that must be ones afterwards. */
const GUARD = 512;
const ALIGNMENT = 256;

type Sentence = string | null;

export class Device {
  readonly #functions;
  readonly #tables: ReadonlyMap<string, Float32Array<ArrayBuffer>>;
  #bytes = 0;

  /** `library` as `compileDevice` made it of these kernels. Errors: run/load. */
  constructor(
    readonly kernels: readonly DeviceKernel[],
    library: string,
  ) {
    const handle = load(library);
    this.#functions = {
      open: handle.func("const char *cases_open(int64_t bytes)"),
      close: handle.func("void cases_close()"),
      device: handle.func("const char *cases_device()"),
      poison: handle.func("const char *cases_poison(int64_t at, int64_t bytes)"),
      write: handle.func("const char *cases_write(int64_t at, const void *data, int64_t bytes)"),
      read: handle.func("const char *cases_read(int64_t at, void *out, int64_t bytes)"),
      run: handle.func("const char *cases_run(int32_t index, const int64_t *at)"),
      table: handle.func("void cases_table(int32_t index, float *out)"),
      ways: handle.func("uint32_t cases_ways(const char *kernel)"),
      wayName: handle.func("const char *cases_way_name(int32_t way)"),
      choose: handle.func("void cases_choose(const char *kernel, int32_t way)"),
    };
    this.#tables = new Map(
      allTables(kernels).map((t, i) => {
        const values = new Float32Array(t.length);
        this.#functions.table(i, values);
        return [`${t.length} ${t.c}`, values];
      }),
    );
  }

  /** Takes the GPU; a case that needs more memory takes it anew. Errors: run/gpu. */
  open(): string {
    this.#reserve(1 << 20);
    return this.#functions.device() as string;
  }

  close(): void {
    this.#functions.close();
  }

  /** In how many ways the kernel can do its work: the automatic one, and those that measurements choose among. */
  ways(index: number): { way: number; name: string }[] {
    const bits = this.#functions.ways(this.#nameOf(index)) as number;
    const found: { way: number; name: string }[] = [];
    for (let way = 0; ; way++) {
      const name = this.#functions.wayName(way) as Sentence;
      if (name === null) return found;
      if (bits & (1 << way)) found.push({ way, name });
    }
  }

  #nameOf(index: number): string {
    const { name, call } = this.kernels[index]!;
    return name ?? call;
  }

  /**
   * Runs a kernel on poisoned memory. `given` are its inputs, and outputs that are added to; gives the outputs that were asked for.
   * Errors: run/gpu, run/failed (also for what was written beside the outputs).
   */
  run(index: number, given: ReadonlyMap<Value, Numbers>, outputs: readonly Value[], way = 0): Map<Value, Numbers> {
    this.#functions.choose(this.#nameOf(index), way);
    const kernel = this.kernels[index]!;
    const tables = kernel.tables.map((t) => this.#tables.get(`${t.length} ${t.c}`)!);
    const contents = kernel.arguments.map((v) => given.get(v));
    const lengths = [...kernel.arguments.map(bytesOf), ...tables.map((t) => t.byteLength), kernel.workspaceBytes];
    const { offsets, total } = places(lengths);
    this.#reserve(total);
    this.#told(this.#functions.poison(0, total));
    contents.forEach((numbers, i) => {
      if (numbers) this.#write(offsets[i]!, packed(kernel.arguments[i]!, numbers));
    });
    tables.forEach((values, i) => void this.#write(offsets[contents.length + i]!, new Uint8Array(values.buffer)));
    this.#told(this.#functions.run(index, BigInt64Array.from(offsets, BigInt)), kernel.call);
    this.#checkGuards(kernel, offsets, lengths, total);
    return new Map(outputs.map((v) => [v, unpacked(v, this.#read(offsets[kernel.arguments.indexOf(v)]!, bytesOf(v)))]));
  }

  #checkGuards(kernel: DeviceKernel, offsets: readonly number[], lengths: readonly number[], total: number): void {
    offsets.forEach((at, i) => {
      const end = at + lengths[i]!;
      const guard = this.#read(end, (offsets[i + 1] ?? total) - end);
      if (guard.every((byte) => byte === 0xff)) return;
      fail("run/failed", `${kernel.call} wrote beyond the end of its argument ${i}`);
    });
  }

  #reserve(bytes: number): void {
    if (bytes <= this.#bytes) return;
    this.#bytes = 0;
    this.#told(this.#functions.open(BigInt(bytes)));
    this.#bytes = bytes;
  }

  #write(at: number, bytes: Uint8Array): void {
    if (bytes.byteLength > 0) this.#told(this.#functions.write(BigInt(at), bytes, BigInt(bytes.byteLength)));
  }

  #read(at: number, length: number): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(length);
    if (length > 0) this.#told(this.#functions.read(BigInt(at), bytes, BigInt(length)));
    return bytes;
  }

  #told(sentence: unknown, of?: string): void {
    const why = sentence as Sentence;
    if (why === null) return;
    if (of !== undefined) fail("run/failed", `${of}: ${why}`);
    fail("run/gpu", why, { help: "`mlac doctor` says what is there" });
  }
}

function load(library: string): LibraryHandle {
  try {
    return koffi.load(library);
  } catch (error) {
    return fail("run/load", `${library} cannot be loaded: ${(error as Error).message}`);
  }
}

const bytesOf = (v: Value): number => {
  const elements = v.type.dims.reduce((n, d, i) => (v.type.dims[i + 1]?.ragged ? n : n * d.size), 1);
  return elements * (v.type.dtype === "bf16" ? 2 : 4);
};

function places(lengths: readonly number[]): { offsets: number[]; total: number } {
  let total = 0;
  const offsets = lengths.map((length) => {
    const at = total;
    total = ALIGNMENT * Math.ceil((at + length + GUARD) / ALIGNMENT);
    return at;
  });
  return { offsets, total };
}
