/**
 * `npm run bench:memory`: the peak memory of `mlac train` against what `mlac plan` says, on Linux. What the bare process takes
 * is measured by training the same model at its smallest; the rest must be the difference of the plans.
 */
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { machine, today } from "../compiler/bench/machine.js";
import { build } from "../compiler/build.js";
import { totalBytes } from "../compiler/memory.js";
import { root } from "../compiler/package.js";

const model = join(root, "examples/tiny/model.ts");
const folder = mkdtempSync(join(tmpdir(), "mlac-memory-"));

interface Run {
  set: Record<string, string>;
  /** Bytes. */
  plan: number;
  peak: number;
}

/** Trains a few steps as a user would and watches the process. */
async function run(set: Record<string, string>): Promise<Run> {
  const out = join(folder, "build");
  const { manifest } = await build({ model, target: "cpu", dtype: "f32", fuse: {}, set, out });
  const sets = Object.entries(set).flatMap(([name, value]) => ["--set", `${name}=${value}`]);
  const args = [
    join(root, "dist/compiler/cli.js"),
    "train",
    model,
    ...sets,
    "--out",
    out,
    "--steps",
    "4",
    "--no-sample",
    "--run",
    join(folder, `run-${manifest.memory.total}`),
  ];
  const child = spawn(process.execPath, args, { cwd: root, stdio: "ignore" });
  let peak = 0;
  const watch = setInterval(() => {
    const status = readText(`/proc/${child.pid}/status`);
    peak = Math.max(peak, Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024);
  }, 20);
  const code = await new Promise<number | null>((done) => child.on("exit", done));
  clearInterval(watch);
  if (code !== 0) throw new Error(`mlac train ended with ${code}`);
  return { set, plan: totalBytes(manifest.memory), peak };
}

function readText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return ""; // the process has ended
  }
}

try {
  const bare = await run({ B: "1", T: "16" });
  const runs = [await run({}), await run({ B: "32" }), await run({ T: "1024" })];
  const process_ = bare.peak - bare.plan;
  const rows = runs.map((r) => ({ ...r, expected: r.plan + process_, ratio: r.peak / (r.plan + process_) }));
  const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
  process.stdout.write(`bare process ${mib(process_)}\n`);
  for (const r of rows)
    process.stdout.write(
      `${JSON.stringify(r.set).padEnd(14)} plan ${mib(r.plan)}  with the process ${mib(r.expected)}  peak ${mib(r.peak)}  ratio ${r.ratio.toFixed(3)}\n`,
    );
  mkdirSync(join(root, "bench/results"), { recursive: true });
  const result = { command: "npm run bench:memory", date: today(), machine: machine(), bareProcess: process_, runs: rows };
  writeFileSync(join(root, `bench/results/cpu-memory-${today()}.json`), `${JSON.stringify(result, undefined, 1)}\n`);
  if (rows.some((r) => Math.abs(r.ratio - 1) > 0.05)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
