/**
 * `npm test [part of a file name …]`, or `npm run test:gpu […]`, which takes the tests that need an NVIDIA GPU: runs every test file in a process of its own and adds up what uvu counted. The last line is
 * always `N passed, N failed`; a file that crashes, hangs, or runs no test counts as one that failed.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { prepare, root, say } from "./prepare.mjs";

/** Seconds a file may take. */
const limit = Number(process.env.MLAC_TEST_SECONDS ?? 900);

prepare();
const onGpu = process.argv.includes("--gpu");
const folder = onGpu ? "test/gpu" : "test";
const wanted = process.argv.slice(2).filter((word) => word !== "--gpu");
// The sources are the list: what is compiled but has no source any more is no test.
const files = readdirSync(join(root, folder))
  .filter((name) => name.endsWith(".test.ts") && (wanted.length === 0 || wanted.some((part) => name.includes(part))))
  .sort();
if (files.length === 0) say(`no test file's name has ${wanted.join(" or ")} in it`);

const totals = { passed: 0, failed: files.length === 0 ? 1 : 0, skipped: 0 };
const broken = [];
const queue = [...files];
// Models compile and train on all processors already: more than a few files at a time only wait for each other. A GPU has one at a time.
await Promise.all(Array.from({ length: Math.min(onGpu ? 1 : 2, availableParallelism(), files.length) }, work));

if (totals.skipped > 0) console.log(`${totals.skipped} skipped`);
for (const line of broken) console.log(line);
process.exitCode = totals.failed > 0 ? 1 : 0;
console.log(`${totals.passed} passed, ${totals.failed} failed`);

async function work() {
  for (let file = queue.shift(); file !== undefined; file = queue.shift()) {
    const { output, ended } = await runFile(file);
    process.stdout.write(`── ${file}\n${output.trim()}\n\n`);
    add(file, output, ended);
  }
}

function add(file, output, ended) {
  const counted = (name) => Number(new RegExp(`^ {2}${name}: +(\\d+)`, "m").exec(output)?.[1] ?? 0);
  const [total, passed, skipped] = [counted("Total"), counted("Passed"), counted("Skipped")];
  totals.passed += passed;
  totals.skipped += skipped;
  totals.failed += total - passed;
  if (total > passed) broken.push(`${file}: ${total - passed} of ${total} failed`);
  // uvu says nothing of a file that dies before its end, and its exit code is lost when the test sets its own.
  else if (ended !== "code 0" || total + skipped === 0) {
    totals.failed += 1;
    broken.push(`${file}: ${ended === "code 0" ? "no test ran" : `ended with ${ended}`}`);
  }
}

function runFile(file) {
  const script = join(root, "dist", folder, file.replace(/\.ts$/, ".js"));
  if (!existsSync(script)) return { output: "", ended: "no compiled file" };
  return new Promise((settle) => {
    let output = "";
    const child = spawn(process.execPath, ["--enable-source-maps", script], {
      cwd: root,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, FORCE_COLOR: "0" },
    });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, limit * 1000);
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      settle({ output, ended: late ? `no end after ${limit} s` : signal ? `signal ${signal}` : `code ${code}` });
    });
  });
}
