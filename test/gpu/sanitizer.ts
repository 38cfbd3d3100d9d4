/**
 * `npm run test:sanitizer [-- TOOL [SET]]`: compute-sanitizer's four tools over one training step, evaluate and predict of examples/tiny, under sets of
 * fusion choices that take every choice, and over prefill, decode and sampling of its builds that generate; one line a tool and set. A program of its own, since the tool must be there: no skipping.
 */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { GpuGenerator } from "../../bench/gpuGenerator.js";
import { build } from "../../compiler/build.js";
import { MlacError } from "../../compiler/diagnostics.js";
import { which } from "../../compiler/emit/compiler.js";
import { nvccPath } from "../../compiler/emit/nvcc.js";
import { root } from "../../compiler/package.js";
import { report } from "../../compiler/report.js";
import { openSession } from "../../runtime/session.js";
import { temporaryFolder } from "../temporary.js";
import { builds, gpuTools, title } from "./gpu.js";

const tools: Readonly<Record<string, readonly string[]>> = {
  memcheck: ["--leak-check", "no"],
  racecheck: ["--racecheck-report", "all"],
  initcheck: [],
  synccheck: [],
};
/** Of a finding: another one than the program's own. */
const FOUND = 86;
const seconds = Number(process.env["MLAC_TEST_SECONDS"] ?? 900);

/** What runs below the tool: this file again, with the build's options. */
async function steps(options: Parameters<typeof build>[0]): Promise<void> {
  if (options.generate) return tokens(options);
  const session = await openSession(await build(options), { threads: 1 });
  const ids = Int32Array.from({ length: session.batch * session.length }, (_, i) => (i * 37 + 11) % session.vocabulary);
  await session.initialize(3);
  await session.resetOptimizer();
  const { loss } = await session.microStep(ids, ids, 0.5, true);
  await session.microStep(ids, ids, 0.5, false);
  await session.update(1, 1, 1);
  await session.evaluate(ids, ids);
  await session.predict(ids, new Int32Array(session.batch).fill(session.length - 1));
  await session.close();
  if (!Number.isFinite(loss)) throw new Error(`the loss is ${loss}`);
}

/** A prompt goes in and three tokens are decoded in two rows, a third one being empty; they are drawn in each of the ways that there are. */
async function tokens(options: Parameters<typeof build>[0]): Promise<void> {
  const { library, manifest } = await build(options);
  const { vocabulary } = manifest.tokens;
  const { rows, window } = manifest.generation!;
  const generator = new GpuGenerator(library);
  generator.draw(1, 0.1);
  const prompt = Int32Array.from({ length: window }, (_, i) => (i * 37 + 11) % vocabulary);
  for (const slot of [0, 1]) generator.prefill(prompt, Int32Array.of(window - slot), Int32Array.of(slot));
  for (const [step, topK, topP] of [
    [0, 0, 1],
    [1, 5, 1],
    [2, 0, 0.9],
  ] as const) {
    generator.decode(prompt.slice(0, rows), Int32Array.of(0, 1, -1), Int32Array.of(window + step, window - 1 + step, 0));
    generator.sample(rows, step === 0 ? 0 : 0.8, topK, topP);
  }
  const logits = generator.logits(rows * vocabulary);
  generator.close();
  if (!logits.every(Number.isFinite)) throw new Error("not all logits are finite");
}

function sanitizer(): string | undefined {
  const nvcc = nvccPath();
  const beside = nvcc === undefined ? undefined : which(join(nvcc, "../compute-sanitizer"));
  return which("compute-sanitizer") ?? beside ?? which("/usr/local/cuda/bin/compute-sanitizer");
}

/** Whether nothing was found. */
async function check(program: string, tool: string, options: Parameters<typeof build>[0]): Promise<boolean> {
  const given = ["--tool", tool, ...tools[tool]!, "--error-exitcode", String(FOUND), "--target-processes", "all"];
  const own = [process.execPath, import.meta.filename, "steps", JSON.stringify(options)];
  const { exitCode, all, timedOut } = await execa(program, [...given, ...own], {
    cwd: root,
    all: true,
    reject: false,
    stdin: "ignore",
    timeout: seconds * 1000,
  });
  const summary = /=+ ((?:ERROR|RACECHECK) SUMMARY: .*)/.exec(all ?? "")?.[1];
  // Without its summary the tool has not looked.
  const ok = exitCode === 0 && summary !== undefined;
  console.log(
    `${ok ? "ok   " : "WRONG"}  ${tool.padEnd(9)}  ${title(options.generate ? { generating: options.generate.mla ?? "auto" } : options.fuse)}  ${summary ?? (timedOut ? `no end after ${seconds} s` : `exit code ${exitCode}`)}`,
  );
  if (!ok) console.log((all ?? "").split("\n").slice(0, 60).join("\n"));
  return ok;
}

/** What is built, in this folder. */
function sets(out: string): Parameters<typeof build>[0][] {
  const model = join(root, "examples/tiny/model.ts");
  const cuda = { model, target: "cuda" as const, dtype: "bf16" as const };
  const training = builds().map(({ fuse, set }, i) => ({ ...cuda, fuse, set, out: join(out, `tiny${i}`) }));
  const generating = (["absorb", "materialize"] as const).map((mla) => ({
    ...cuda,
    fuse: {},
    set: {},
    generate: { rows: 3, slots: 2, window: 32, context: 64, mla },
    out: join(out, `tiny-${mla}`),
  }));
  return [...training, ...generating];
}

async function main(): Promise<number> {
  const [, , word, given] = process.argv;
  if (word === "steps") return steps(JSON.parse(given!)).then(() => 0);
  const wanted = word === undefined ? Object.keys(tools) : [word];
  const all = sets(process.env["MLAC_TEST_OUT"] ?? temporaryFolder());
  const count = all.length;
  const number = given === undefined ? undefined : Number(given);
  if (
    wanted.some((tool) => tools[tool] === undefined) ||
    (number !== undefined && !(Number.isInteger(number) && number >= 1 && number <= count))
  ) {
    console.error(
      `${process.argv.slice(2).join(" ")}: a tool is one of ${Object.keys(tools).join(", ")}, a set a number from 1 to ${count}: nothing was checked`,
    );
    return 2;
  }
  const program = sanitizer();
  if (program === undefined) {
    console.error("compute-sanitizer, which comes with NVIDIA's CUDA toolkit, is not found: nothing was checked");
    return 2;
  }
  await gpuTools();
  const wantedSets = number === undefined ? all : [all[number - 1]!];
  for (const options of wantedSets) await build(options);
  // Two at once on sixteen cores: a tool checks on the CPU what the GPU did, and racecheck takes much memory.
  const together = Math.max(1, Math.floor(availableParallelism() / 8));
  let wrong = 0;
  for (let i = 0; i < wantedSets.length; i += together) {
    const found = await Promise.all(
      wantedSets.slice(i, i + together).flatMap((options) => wanted.map((tool) => check(program, tool, options))),
    );
    wrong += found.filter((ok) => !ok).length;
  }
  console.log(wrong === 0 ? "nothing was found" : `${wrong} found something`);
  return wrong === 0 ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof MlacError ? report(error.diagnostics) : error);
  process.exitCode = 2;
}
