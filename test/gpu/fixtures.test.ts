/** Whole models on the GPU against PyTorch in float64: losses, every gradient, expert loads, logits, and the weights after some steps. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../../compiler/package.js";
import { runFixture, violations } from "../../runtime/fixture.js";
import { temporaryFolder } from "../temporary.js";
import { choiceSets, gpuTools, title } from "./gpu.js";

await gpuTools();

// One folder for all builds: kernels that two of them share are compiled once.
const out = process.env["MLAC_TEST_OUT"] ?? temporaryFolder();
/** Fixtures that lie beside the project. */
const shared = process.env["MLAC_SHARED_FIXTURES"] ?? join(root, "../shared/fixtures");

const fixturesIn = (folder: string): string[] =>
  (existsSync(folder) ? readdirSync(folder) : [])
    .map((name) => join(folder, name))
    .filter((place) => existsSync(join(place, "fixture.json")));

async function agrees(fixture: string, fuse: Record<string, string> = {}): Promise<void> {
  const errors = await runFixture(fixture, "bf16", { out, fuse });
  console.log(`${fixture}, ${title(fuse)}: ${JSON.stringify(errors)}`);
  assert.equal(violations(errors), [], JSON.stringify(errors));
}

const own = fixturesIn(join(root, "test/fixtures"));
for (const fixture of [...own, ...fixturesIn(shared)]) test(`${fixture} agrees in bf16`, () => agrees(fixture));
for (const fuse of choiceSets().slice(1))
  for (const name of ["query-latent", "odd-sizes"])
    test(`${name} agrees with ${title(fuse)}`, () => agrees(join(root, "test/fixtures", name), fuse));

test("there are fixtures", () => assert.ok(own.length >= 5));

test.run();
