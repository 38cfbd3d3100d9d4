/** Two ranks, the second of which leaves out a last micro-step: what the first one says. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MlacError } from "../../compiler/diagnostics.js";
import { ranksId } from "../../runtime/place.js";
import { type BuiltModel, openSession } from "../../runtime/session.js";

const directory = process.argv[2]!;
const rank = Number(process.env["OMPI_COMM_WORLD_RANK"]);
const built: BuiltModel = {
  manifest: JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")),
  library: join(directory, "model.so"),
};

/** The wait ends by itself, or is ended from outside while it goes on. */
const ending = process.argv[3] as "timeout" | "abort";
const place = { rank, size: 2, id: await ranksId(built), timeout: ending === "timeout" ? 2 : 30 };
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
