/** Writes a built model's folder: kernels, host code, headers, Makefile; and, when the library is there, the seal that says what it was made from. */
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { Emission } from "../compile.js";
import { root } from "../package.js";
import type { Target } from "../target.js";
import { SEAL } from "../upToDate.js";
import { headersOf, isHeader } from "./headers.js";
import { hostFiles } from "./hostFiles.js";
import { mpiSource } from "./mpi.js";
import { onDisk } from "./refusal.js";

export interface Written {
  /** The files to compile. */
  sources: string[];
  includes: string[];
}

export async function writeModel(directory: string, emitted: Emission, part: "code" | "seal" = "code"): Promise<Written> {
  const { extension, target } = emitted.backend;
  const texts = textsOf(emitted);
  const copied = await copiedFiles(target, emitted.manifest.generation !== undefined, Object.values(texts));
  const sources = [...Object.keys(texts), ...copied.map((c) => c.to)].filter((name) => name.endsWith(extension) && name !== mpiSource);
  await onDisk(directory, async () => {
    await mkdir(join(directory, "kernels"), { recursive: true });
    await mkdir(join(directory, "lib"), { recursive: true });
    if (part === "seal") return write(directory, SEAL, emitted.seal);
    // Until the new library is whole there is no build here.
    await rm(join(directory, SEAL), { force: true });
    await removeOthers(
      join(directory, "kernels"),
      emitted.kernels.map((k) => `${k.name}${extension}`),
    );
    await removeOthers(
      join(directory, "lib"),
      copied.filter(({ to }) => dirname(to) === "lib").map(({ to }) => basename(to)),
      isHeader, // a precompiled one lies there, too
    );
    await Promise.all(Object.entries(texts).map(([name, text]) => write(directory, name, text)));
    await Promise.all(copied.map(({ from, to }) => copyFile(from, join(directory, to))));
  });
  return { sources: sources.map((s) => join(directory, s)), includes: [directory] };
}

function textsOf(emitted: Emission): Record<string, string> {
  const { extension, target } = emitted.backend;
  return {
    ...Object.fromEntries(emitted.kernels.map((k) => [`kernels/${k.name}${extension}`, k.text])),
    ...hostFiles(emitted),
    "manifest.json": `${JSON.stringify(emitted.manifest, undefined, 1)}\n`,
    ".gitignore": `model.so\n${target === "cpu" ? "collectives.so\n" : ""}${SEAL}\nfusion.*.json\n${target === "cuda" ? "choices.*.json\n" : ""}objects/\n*.gch*\n`,
  };
}

/** Files without holes: the session, and the headers that it and the kernels include. */
async function copiedFiles(target: Target, generating: boolean, texts: readonly string[]): Promise<{ from: string; to: string }[]> {
  const native = join(root, "runtime/native");
  const files = generating
    ? [join(native, "decode.h")]
    : ["mlac.h", "measure.h", "ranks.h", "collectives.h", "shares.h"].map((name) => join(native, name));
  if (target === "cuda") files.push(...(await cudaFiles(join(native, "cuda"), generating)));
  else if (generating)
    files.push(...["generation.h", "generator.cpp"].map((name) => join(native, "generate", name)), join(native, "worker.h"));
  else files.push(...cpuFiles.map((name) => join(native, name)));
  const session = await Promise.all(files.map((path) => readFile(path, "utf8")));
  const headers = await headersOf(target, [...texts, ...session]);
  return [...files.map((from) => ({ from, to: basename(from) })), ...headers.map((from) => ({ from, to: join("lib", basename(from)) }))];
}

/** Of a session that trains on the CPU. */
const cpuFiles = [
  "model.h",
  "profile.h",
  "worker.h",
  "rank.h",
  "session.h",
  "session.cpp",
  "ranks.cpp",
  "open_collectives.h",
  "mpi_engine.h",
  "mpi_messages.h",
  mpiSource,
];

/** Of a session that trains, or of one that generates. */
async function cudaFiles(folder: string, generating: boolean): Promise<string[]> {
  const shared = ["device.h", "device.cu", "storage.h", "transfer.h", "transfer.cu", "program.h", "profile.h", "cublaslt.cu"];
  const generate = join(folder, "generate");
  if (generating) return [...shared.map((name) => join(folder, name)), ...(await readdir(generate)).map((name) => join(generate, name))];
  return (await readdir(folder)).filter((name) => name !== "generate").map((name) => join(folder, name));
}

async function write(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true });
  // Unchanged files keep their time, so that make and people see what changed.
  if ((await readFile(path, "utf8").catch(() => undefined)) === text) return;
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}

/** Kernels and headers of an earlier build that this one does not have. */
async function removeOthers(folder: string, keep: readonly string[], ours: (name: string) => boolean = () => true): Promise<void> {
  for (const name of await readdir(folder))
    if (ours(name) && !keep.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
}
