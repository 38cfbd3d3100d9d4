/** Writes a built model's folder: kernels, host code, headers, Makefile; and, when the library is there, the seal that says what it was made from. */
import { copyFile, mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Emission } from "../compile.js";
import { root } from "../package.js";
import { SEAL } from "../upToDate.js";
import { onDisk } from "./refusal.js";
import { render } from "./template.js";

export interface Written {
  /** The .cpp files to compile. */
  sources: string[];
  includes: string[];
}

export async function writeModel(directory: string, emitted: Emission, part: "code" | "seal" = "code"): Promise<Written> {
  const sources = [...emitted.kernels.map((k) => `kernels/${k.name}.cpp`), "step.cpp", "update.cpp", "session.cpp"];
  await onDisk(directory, async () => {
    await mkdir(join(directory, "kernels"), { recursive: true });
    await mkdir(join(directory, "lib"), { recursive: true });
    if (part === "seal") return write(directory, SEAL, emitted.seal);
    // Until the new library is whole there is no build here.
    await rm(join(directory, SEAL), { force: true });
    await removeOthers(
      join(directory, "kernels"),
      emitted.kernels.map((k) => `${k.name}.cpp`),
    );
    await Promise.all(Object.entries(textsOf(emitted)).map(([name, text]) => write(directory, name, text)));
    await Promise.all(
      ["mlac.h", "model.h", "session.cpp"].map((name) => copyFile(join(root, "runtime/native", name), join(directory, name))),
    );
    const headers = (await readdir(join(root, "templates/cpu/lib"))).filter((name) => name.endsWith(".h"));
    await Promise.all(headers.map((name) => copyFile(join(root, "templates/cpu/lib", name), join(directory, "lib", name))));
  });
  return { sources: sources.map((s) => join(directory, s)), includes: [directory] };
}

function textsOf(emitted: Emission): Record<string, string> {
  const { manifest, programs, model } = emitted;
  const gradients = manifest.tensors.filter((t) => t.role === "gradient");
  const start = Math.min(...gradients.map((t) => t.offset));
  const step = {
    model: manifest.model,
    arenaBytes: manifest.memory.total - manifest.memory.kinds.tables,
    sequences: manifest.tokens.batch,
    length: manifest.tokens.length,
    vocabulary: manifest.tokens.vocabulary,
    tensors: manifest.tensors,
    starts: startsOf(emitted),
    gradients: { offset: gradients.length > 0 ? start : 0, bytes: manifest.memory.kinds.gradients },
    loadSums: model.plan.expertBias.map(({ path, load }) => {
      const sum = manifest.tensors.find((t) => t.name === `loadSum.${path}`)!;
      const from = manifest.tensors.find((t) => t.name === load)!;
      return { path, sum: sum.offset, load: from.offset, count: sum.bytes / 4 };
    }),
    ...programs,
  };
  return {
    ...Object.fromEntries(emitted.kernels.map((k) => [`kernels/${k.name}.cpp`, k.text])),
    "kernels.h": render("cpu", "kernels.h", { model: manifest.model, kernels: emitted.kernels }),
    "step.cpp": render("cpu", "step.cpp", step),
    "update.cpp": emitted.update.text,
    Makefile: render("cpu", "Makefile", { flags: emitted.flags.join(" ") }),
    "manifest.json": `${JSON.stringify(manifest, undefined, 1)}\n`,
    ".gitignore": `model.so\n${SEAL}\nobjects/\n*.gch*\n`,
  };
}

/** How each parameter starts, in the order that numbers its stream of random numbers. */
function startsOf({ manifest, model }: Emission): object[] {
  return model.parameters.map((p) => {
    const first = manifest.tensors
      .filter((t) => t.role === (p.kind === "state" ? "state" : "parameter"))
      .find((t) => matches(t.name, p.path))!;
    const count = p.type.dims.reduce((n, d) => n * d.size, 1);
    const std = p.init.kind === "normal" ? p.init.std : 0;
    return { path: p.path, offset: first.offset, count, std: String(std), value: String(p.init.kind === "constant" ? p.init.value : 0) };
  });
}

/** "layers.0.attn.q" is the first layer of "layers.attn.q". */
const matches = (tensor: string, path: string): boolean => tensor === path || tensor.replace(/\.0(?=\.)/g, "") === path;

async function write(directory: string, name: string, text: string): Promise<void> {
  const path = join(directory, name);
  await mkdir(dirname(path), { recursive: true });
  // Unchanged files keep their time, so that make and people see what changed.
  if ((await readFile(path, "utf8").catch(() => undefined)) === text) return;
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}

/** Kernels of an earlier build that this one does not have. */
async function removeOthers(folder: string, keep: readonly string[]): Promise<void> {
  for (const name of await readdir(folder)) if (!keep.includes(name)) await rm(join(folder, name), { recursive: true, force: true });
}
