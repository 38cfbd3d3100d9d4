import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { emitAll } from "../compiler/compile.js";
import { MlacError } from "../compiler/diagnostics.js";
import { compilerEnvironment, findCompiler } from "../compiler/emit/compiler.js";
import { writeModel } from "../compiler/emit/files.js";
import { compileLibrary } from "../compiler/emit/toolchain.js";
import { root } from "../compiler/package.js";

const test = suite("toolchain");
const folder = mkdtempSync(join(tmpdir(), "mlac-toolchain-"));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const flags = ["-std=c++17", "-O0", "-fPIC", "-fopenmp"];
const library = join(folder, "model.so");
const objects = join(folder, "objects");
test.after(() => rmSync(folder, { recursive: true, force: true }));

async function failure(run: () => Promise<unknown>): Promise<MlacError> {
  try {
    await run();
  } catch (error) {
    if (error instanceof MlacError) return error;
    throw error;
  }
  throw new Error("it did not fail");
}

/** A program that stands in for a compiler. */
function pretend(name: string, script: string): string {
  const path = file(name, `#!/bin/sh\n[ "$1" = --version ] && { echo "pretend 1.0"; exit 0; }\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

async function withCompiler<T>(path: string, run: () => Promise<T>): Promise<T> {
  const before = process.env["CXX"];
  process.env["CXX"] = path;
  try {
    return await run();
  } finally {
    if (before === undefined) delete process.env["CXX"];
    else process.env["CXX"] = before;
  }
}

test("compiles, links, and compiles again only what changed", async () => {
  file("shared.h", "inline int one() { return 1; }\n");
  const a = file("a.cpp", '#include "shared.h"\nextern "C" int first() { return one(); }\n');
  const b = file("b.cpp", 'extern "C" int second() { return 2; }\n');
  const seen: string[] = [];
  const build = () =>
    compileLibrary({ sources: [a, b], library, objects, flags, onProgress: (p) => seen.push(`${p.done}/${p.of} ${p.file}`) });

  const first = await build();
  assert.equal([first.compiled, first.reused], [2, 0]);
  assert.is(seen.length, 3);
  assert.is(seen.at(-1), "3/3 model.so");
  const again = await build();
  assert.equal([again.compiled, again.reused], [0, 2]);
  file("shared.h", "inline int one() { return 11; }\n");
  const changed = await build();
  assert.equal([changed.compiled, changed.reused], [1, 1]);
  assert.not.ok(readdirSync(folder).some((name) => name.endsWith(".tmp")));
});

test("a build's folder keeps no kernel and no header of an earlier build, but the precompiled header", async () => {
  const place = join(folder, "written");
  const emitted = await emitAll({ model: join(root, "examples/starter/model.ts"), target: "cpu", dtype: "f32", fuse: {}, set: {} });
  await writeModel(place, emitted);
  const whole = readdirSync(join(place, "lib"));
  for (const old of ["kernels/old.cpp", "lib/old.h", "lib/kernel.h.gch"]) writeFileSync(join(place, old), "");
  await writeModel(place, emitted);
  assert.equal(readdirSync(join(place, "lib")).sort(), [...whole, "kernel.h.gch"].sort());
  assert.not.ok(existsSync(join(place, "kernels/old.cpp")));
});

test("a compiler's refusal names the file, the line, and says whose fault it is", async () => {
  const bad = file("bad.cpp", "int f() { return nothing; }\n");
  const size = statSync(library).size;
  const error = await failure(() => compileLibrary({ sources: [bad], library, objects, flags }));
  const [diagnostic] = error.diagnostics;
  assert.is(error.exitCode, 2);
  assert.is(diagnostic?.slug, "tool/failed");
  assert.match(diagnostic?.message ?? "", "bad.cpp");
  assert.is(diagnostic?.frames[0]?.span.line, 1);
  assert.match(diagnostic?.frames[0]?.label ?? "", "nothing");
  assert.match(diagnostic?.help ?? "", "mlac's fault");
  assert.match(readFileSync(join(folder, "build-failure.log"), "utf8"), "-fopenmp");
  assert.is(statSync(library).size, size, "the library that was there stays");
});

test("no compiler is a missing tool with a remedy", async () => {
  const nowhere = await failure(() => findCompiler({ PATH: folder }));
  assert.is(nowhere.diagnostics[0]?.slug, "tool/missing");
  assert.match(nowhere.diagnostics[0]?.help ?? "", "apt-get install g++");
  const wrong = await failure(() => findCompiler({ PATH: folder, CXX: "no-such-compiler" }));
  assert.match(wrong.diagnostics[0]?.message ?? "", "no-such-compiler");
  assert.is(wrong.exitCode, 2);
});

test("a compiler without OpenMP is told before anything is compiled", async () => {
  const path = pretend("no-openmp", 'echo "error: unsupported option -fopenmp" >&2; exit 1');
  const c = file("c.cpp", "int c;\n");
  const error = await withCompiler(path, () => failure(() => compileLibrary({ sources: [c], library, objects, flags })));
  assert.is(error.diagnostics[0]?.slug, "tool/missing");
  assert.match(error.diagnostics[0]?.message ?? "", "OpenMP");
});

test("a full disk and a killed compiler are sentences", async () => {
  const d = file("d.cpp", "int d;\n");
  const plainFlags = ["-O0"];
  const full = pretend("full", 'echo "fatal error: error writing to x.s: No space left on device" >&2; exit 1');
  const disk = await withCompiler(full, () => failure(() => compileLibrary({ sources: [d], library, objects, flags: plainFlags })));
  assert.is(disk.diagnostics[0]?.slug, "tool/disk");
  const killed = pretend("killed", "kill -9 $$");
  const memory = await withCompiler(killed, () => failure(() => compileLibrary({ sources: [d], library, objects, flags: plainFlags })));
  assert.is(memory.diagnostics[0]?.slug, "tool/killed");
  assert.match(memory.diagnostics[0]?.message ?? "", "memory");
});

test("paths with spaces and shell characters are only paths", async () => {
  const e = file("a b;$(touch pwned).cpp", 'extern "C" int e() { return 1; }\n');
  const built = await compileLibrary({ sources: [e], library: join(folder, "x y.so"), objects, flags });
  assert.ok(existsSync(built.library));
  assert.not.ok(existsSync(join(folder, "pwned")));
});

test("variables that change the headers do not reach the compiler", () => {
  const environment = compilerEnvironment({ PATH: "/bin", CPATH: "/evil", LD_PRELOAD: "/evil.so" });
  assert.equal(environment, { PATH: "/bin", LC_ALL: "C" });
});

test.run();
