/** One rank, started by mpirun or with its variables: runs some courses one after the other; rank 0 writes what came of them. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ranksId } from "../../runtime/place.js";
import type { BuiltModel } from "../../runtime/session.js";
import { type Course, course } from "./course.js";

/** What the test asks for, in one argument. */
export interface Work {
  directory: string;
  runs: { steps: number; micro: number }[];
  out: string;
  /** In hexadecimal; asked for here where it is left out, which only MPI allows. */
  id?: string;
}

const { directory, runs, out, id } = JSON.parse(process.argv[2]!) as Work;
const rank = Number(process.env["OMPI_COMM_WORLD_RANK"]);
const size = Number(process.env["OMPI_COMM_WORLD_SIZE"]);
const built: BuiltModel = {
  manifest: JSON.parse(readFileSync(join(directory, "manifest.json"), "utf8")),
  library: join(directory, "model.so"),
};
const place = { rank, size, id: id === undefined ? await ranksId(built) : Uint8Array.from(Buffer.from(id, "hex")), timeout: 60 };
const courses: Course[] = [];
for (const { steps, micro } of runs) courses.push(await course(built, steps, micro, place));
if (rank === 0) writeFileSync(out, JSON.stringify(courses));
