/** The files of a new model's folder. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve, sep } from "node:path";
import { fail } from "./diagnostics.js";
import { root } from "./package.js";

/** Names of the files, relative to the folder. Fails with use/exists before anything is written; nothing is ever replaced. */
export function start(folder: string): { written: string[]; kept: string[] } {
  const place = resolve(folder);
  const taken = ["model.ts", "tsconfig.json"].filter((name) => existsSync(join(place, name)));
  if (taken.length > 0)
    fail("use/exists", `${taken.join(" and ")} ${taken.length > 1 ? "are" : "is"} in ${place} already`, {
      help: "name a new folder: mlac init my-model",
    });
  const files: Record<string, string> = {
    "model.ts": readFileSync(join(root, "examples", "starter", "model.ts"), "utf8"),
    "tsconfig.json": tsconfig(place),
    "package.json": `${JSON.stringify({ name: packageName(place), private: true, type: "module" }, undefined, 2)}\n`,
    ".gitignore": "node_modules/\ngenerated/\nruns/\ndata/\n",
  };
  const written: string[] = [];
  const kept: string[] = [];
  try {
    mkdirSync(place, { recursive: true });
    for (const [name, text] of Object.entries(files)) {
      if (existsSync(join(place, name))) kept.push(name);
      else {
        writeFileSync(join(place, name), text, { flag: "wx" });
        written.push(name);
      }
    }
  } catch (error) {
    fail("use/folder", `${place} cannot be written to: ${(error as Error).message}`, { help: "name another folder: mlac init my-model" });
  }
  return { written, kept };
}

/** For the editor only: mlac itself reads no tsconfig. */
function tsconfig(place: string): string {
  const compilerOptions = {
    target: "es2023",
    lib: ["es2023"],
    module: "nodenext",
    types: [],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    ...(installedFor(place) ? {} : { paths: { mlac: [join(root, "dsl/index.ts")], "mlac/blocks": [join(root, "dsl/blocks/index.ts")] } }),
  };
  return `${JSON.stringify({ compilerOptions, include: ["*.ts"] }, undefined, 2)}\n`;
}

/** Whether `import … from "mlac"` finds this mlac from there by itself: then its place need not be written down. */
function installedFor(place: string): boolean {
  const parts = resolve(root).split(`${sep}node_modules${sep}`);
  const project = parts[0] ?? "";
  return parts.length > 1 && (place === project || place.startsWith(`${project}${sep}`));
}

function packageName(place: string): string {
  const name = basename(place)
    .toLowerCase()
    .replace(/[^a-z0-9._-]+/g, "-")
    .replace(/^[._-]+/, "");
  return name === "" ? "model" : name;
}
