/** What the editor says about mistakes: copies of editor/base.ts with one mistake each, all of them checked by one run of TypeScript. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { mistakes } from "./editorMistakes.js";

const test = suite("editor");
const root = process.cwd();
const tsc = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin/tsc");

/** What TypeScript prints for a project: the lines of each file's errors, by the file's name. */
function check(project: string): Map<string, string[]> {
  const { stdout } = spawnSync(process.execPath, [tsc, "-p", project, "--pretty", "false"], { cwd: root, encoding: "utf8" });
  const errors = new Map<string, string[]>();
  let current: string[] = [];
  for (const line of stdout.split("\n")) {
    const [, file, text] = /^(.+?)\(\d+,\d+\): (.*)$/.exec(line) ?? [];
    if (file !== undefined && text !== undefined) {
      const name = file.split("/").at(-1) ?? file;
      current = errors.get(name) ?? [];
      errors.set(name, current);
      current.push(text);
    } else if (/^error /.test(line)) errors.set("", [...(errors.get("") ?? []), line]);
    else if (current.length > 0 && line.trim() !== "") current[current.length - 1] += `\n${line}`;
  }
  return errors;
}

function checkMistakes(): Map<string, string[]> {
  const base = readFileSync(join(root, "test/editor/base.ts"), "utf8");
  const folder = mkdtempSync(join(tmpdir(), "mlac-editor-"));
  try {
    mistakes.forEach(({ what, from, to }, i) => {
      assert.is(base.split(from).length, 2, `${what}: “${from}” stands once in editor/base.ts`);
      writeFileSync(
        join(folder, `mistake${i}.ts`),
        base.replace(from, () => to),
      );
    });
    const paths = { mlac: [join(root, "dsl/index.ts")], "mlac/blocks": [join(root, "dsl/blocks/index.ts")] };
    // What is left unused by a mistake is not what is looked for.
    const compilerOptions = { noUnusedLocals: false, noUnusedParameters: false, paths };
    writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ extends: join(root, "tsconfig.dsl.json"), compilerOptions, include: ["*.ts"] }),
    );
    return check(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("the language, its blocks, the examples and the fixture are free of errors", () => {
  assert.equal([...check(join(root, "tsconfig.dsl.json"))], []);
});

const errors = checkMistakes();

test("a mistake in a model is never an error in mlac", () => {
  assert.equal(
    [...errors.keys()].filter((name) => !name.startsWith("mistake")),
    [],
  );
});

mistakes.forEach(({ what, says, errors: count = 1 }, i) => {
  test(what, () => {
    const found = errors.get(`mistake${i}.ts`) ?? [];
    assert.ok(
      found.some((text) => text.includes(says)),
      `expected: ${says}\nfound: ${found.join("\n") || "no error"}`,
    );
    assert.is(found.length, count, `one mistake, ${count} place(s): ${found.join("\n")}`);
  });
});

test.run();
