/** Two ranks, started by mpirun or with its variables, the second of which leaves out a last micro-step: what the first one says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MlacError } from "../../compiler/diagnostics.js";
import { ranksId } from "../../runtime/place.js";
import { type BuiltModel, openSession } from "../../runtime/session.js";

/** The third argument is the ranks' id in hexadecimal; it is asked for here where it is left out, which only MPI allows. */
const [directory = "", ending, given] = process.argv.slice(2);
const rank = Number(process.env["OMPI_COMM_WORLD_RANK"]);
const built: BuiltModel = {
  manifest: JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")),
  library: join(directory, "model.so"),
};

const id = given === undefined ? await ranksId(built) : Uint8Array.from(Buffer.from(given, "hex"));
// The wait ends by itself, or is ended from outside while it goes on.
const place = { rank, size: 2, id, timeout: ending === "timeout" ? 2 : 30 };
const session = await openSession(built, { threads: 1, place });
await session.initialize(1);
const ids = new Int32Array(session.batch * session.length);
if (rank === 0) {
  const step = session.microStep(ids, ids, 1, true);
  setTimeout(() => {
    console.log(`waited at ${session.where().collective}`);
    if (ending === "abort") session.abort();
  }, 500);
  await step.catch((error: unknown) => console.log(error instanceof MlacError ? error.message : String(error)));
} else await new Promise((settle) => setTimeout(settle, 4000));
process.exit(1);
