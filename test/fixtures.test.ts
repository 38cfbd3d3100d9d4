/** Whole models against PyTorch in float64: losses, every gradient, expert loads, logits, and the weights after some steps. */
import { join } from "node:path";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { root } from "../compiler/package.js";
import { type FixtureErrors, runFixture, violations } from "../runtime/fixture.js";
import { temporaryFolder } from "./temporary.js";

// One folder for all builds of a dtype: kernels that two of them share are compiled once.
const out = temporaryFolder();

async function agrees(name: string, dtype: "f32" | "f64", fuse: Record<string, string> = {}, threads = 0): Promise<FixtureErrors> {
  const errors = await runFixture(join(root, "test/fixtures", name), dtype, { out, fuse, threads });
  assert.equal(violations(errors), [], JSON.stringify(errors));
  return errors;
}

const names = ["query-latent", "no-dense", "sigmoid-scale", "odd-sizes", "all-dense"];

for (const name of names) test(`${name} agrees in float64`, () => agrees(name, "f64").then(() => undefined));
for (const name of ["query-latent", "odd-sizes"]) test(`${name} agrees in float32`, () => agrees(name, "f32").then(() => undefined));

const choices: readonly Record<string, string>[] = [
  { mla: "rebuild", crossEntropy: "full", moeIn: "gather", norm: "fused", swiglu: "own", muon: "plain", recompute: "none" },
  { crossEntropy: "recompute", recompute: "layer", muon: "gram", norm: "fused" },
  { mla: "rebuild", crossEntropy: "chunk:7", moeIn: "gather", swiglu: "fused", recompute: "cheap" },
  { recompute: "products" },
];
for (const fuse of choices)
  test(`query-latent agrees with ${Object.entries(fuse)
    .map(([name, choice]) => `${name}=${choice}`)
    .join(" ")}`, async () => {
    await agrees("query-latent", "f64", fuse);
  });

test("a wrong model is noticed", async () => {
  const errors = await agrees("no-dense", "f64");
  assert.equal(violations({ ...errors, gradient: { error: 1e-8, name: "grad.head" } }), ["gradient"]);
  assert.equal(violations({ ...errors, loss: Number.NaN, loads: 1 }), ["loss", "loads"]);
});

test.run();
