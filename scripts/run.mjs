/** `node scripts/run.mjs bench/fixture.js …`: makes the clone ready, then runs one of the project's own programs. */
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { prepare, root } from "./prepare.mjs";

prepare();
const [program, ...rest] = process.argv.slice(2);
const { status } = spawnSync(process.execPath, [join(root, "dist", program), ...rest], { stdio: "inherit" });
process.exit(status ?? 1);
