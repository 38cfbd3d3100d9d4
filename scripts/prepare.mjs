/**
 * Makes a fresh clone ready: packages, then compiled files. Uses only what comes with Node, since nothing may be installed.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, rmSync, statSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));

/** What the compiler writes at the end of a run. */
const record = "dist/.tsbuildinfo";

/** Installs what is not installed as the lock file says and compiles what is out of date. Ends the process when that fails. */
export function prepare() {
  const [major] = process.versions.node.split(".").map(Number);
  if (major < 20) stop(`mlac needs Node.js 20 or newer; this is ${process.versions.node}. Install it from https://nodejs.org`);
  if (!installed()) install();
  if (!compiled()) compile();
}

/** The lock file's packages against npm's own record of what it put into node_modules; times say nothing after a copy. */
function installed() {
  const wanted = packages("package-lock.json");
  const present = packages("node_modules/.package-lock.json");
  return Object.entries(wanted).every(([path, { version, optional }]) => {
    const there = present[path];
    return path === "" || (there === undefined ? optional === true : there.version === version);
  });
}

function packages(file) {
  try {
    return JSON.parse(readFileSync(join(root, file), "utf8")).packages ?? {};
  } catch {
    return {};
  }
}

function install() {
  say("installing mlac's packages (npm ci) …");
  // npm is a script of its own on some systems, so a shell has to find it on Windows; the arguments are all ours.
  const shell = process.platform === "win32";
  const given = ["ci", "--ignore-scripts", "--include=dev", "--include=optional", "--no-audit", "--no-fund", "--loglevel=error"];
  const result = spawnSync("npm", given, { cwd: root, shell, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  if (result.status === 0) return;
  process.stderr.write(`${result.stderr ?? ""}\n`);
  stop(
    `the packages could not be installed${result.error ? ` (${result.error.message})` : ""}. Is the network there? Try: npm ci --ignore-scripts`,
  );
}

function compile() {
  say("compiling mlac …");
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  const result = spawnSync(process.execPath, [compiler, "-p", "tsconfig.json"], { cwd: root, stdio: ["ignore", 2, 2] });
  if (result.status === 0) {
    // It leaves its record alone where a file's text is what it was; the next run would compile again.
    const now = new Date();
    if (existsSync(join(root, record))) utimesSync(join(root, record), now, now);
    return;
  }
  // An incremental compiler that failed half-way might take its own leftovers for done.
  rmSync(join(root, record), { force: true });
  stop("mlac's own code does not compile; the lines above say where");
}

/** Whether every source is older than the compiler's record of its last run. */
function compiled() {
  if (!existsSync(join(root, record)) || !existsSync(join(root, "dist/compiler/cli.js"))) return false;
  const time = statSync(join(root, record)).mtimeMs;
  return [
    join(root, "tsconfig.json"),
    ...["compiler", "runtime", "test", "bench", "scripts"].flatMap((folder) => sources(join(root, folder))),
  ].every((file) => statSync(file).mtimeMs < time);
}

function sources(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));
}

export function say(text) {
  process.stderr.write(`mlac: ${text}\n`);
}

function stop(text) {
  say(text);
  process.exit(2);
}
