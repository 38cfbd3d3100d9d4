/** docs/errors.md has every name that a message can have, and no other. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";

const test = suite("errors");
const families = ["syntax", "type", "shape", "plan", "use", "tool", "data", "run", "internal"];
const slug = `(?:${families.join("|")})/[A-Za-z0-9-]+`;
const document = readFileSync("docs/errors.md", "utf8");

const sources = ["compiler", "runtime"].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(folder, name), "utf8")),
);
const used = new Set(sources.flatMap((text) => [...text.matchAll(new RegExp(`"(${slug})"`, "g"))].map((m) => m[1]!)));
/** Names that are put together where they are used. */
for (const kind of ["command", "option", "argument"]) used.add(`use/${kind}`);

/** The first cells of the tables, by the heading above them. */
const listed = document.split(/^## /m).flatMap((part) => {
  const [heading = "", ...lines] = part.split("\n");
  return lines.flatMap((line) => {
    const [, cell = ""] = /^\| (`.*?) \|/.exec(line) ?? [];
    return [...cell.matchAll(new RegExp(`\`(${slug})\``, "g"))].map((m) => ({ heading, name: m[1]! }));
  });
});
const names = listed.map(({ name }) => name);

test("every name in the code is in the document", () => {
  assert.ok(used.size > 100);
  assert.equal(
    [...used].filter((name) => !names.includes(name)),
    [],
  );
});

test("every name in the document is in the code, once", () => {
  assert.equal(
    names.filter((name, i) => !name.startsWith("type/") && (!used.has(name) || names.indexOf(name) !== i)),
    [],
  );
});

test("names stand in their family, in the order of the alphabet", () => {
  for (const family of families.filter((one) => one !== "internal")) {
    const own = listed.filter(({ heading }) => heading === family).map(({ name }) => name);
    assert.ok(own.length > 0 && own.every((name) => name.startsWith(`${family}/`)), family);
    if (family !== "type") assert.equal(own, [...own].sort(), family);
  }
});

test.run();
