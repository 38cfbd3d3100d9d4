/** `npm start`: from a fresh clone to a trained model. Trains examples/tiny; further arguments go to `mlac train`. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const given = [join(root, "dist/compiler/cli.js"), "train", "examples/tiny/model.ts", ...process.argv.slice(2)];
const child = spawn(process.execPath, given, { cwd: root, stdio: "inherit" });
// Both signals are passed on: mlac saves and then ends. It takes the echo of a Ctrl-C that reached it already for what it is.
process.on("SIGINT", () => child.kill("SIGINT"));
process.on("SIGTERM", () => child.kill("SIGTERM"));
child.on("exit", (code, signal) => {
  process.exitCode = code ?? (signal === "SIGINT" ? 130 : 143);
});
