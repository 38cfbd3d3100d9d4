/** Several GPUs, each with a process of its own. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../../compiler/package.js";

export interface Ended {
  code: number | null;
  said: string;
}

/** Runs one of the programs in test/ranks with a process for each GPU, which has mpirun's variables; gives, by rank, how they ended. */
export async function start(size: number, program: string, given: readonly string[]): Promise<Ended[]> {
  const script = join(root, "dist/test/ranks", program);
  const children = Array.from({ length: size }, (_, rank) =>
    spawn(process.execPath, [script, ...given], {
      stdio: ["ignore", "pipe", "inherit"],
      env: { ...process.env, OMPI_COMM_WORLD_RANK: String(rank), OMPI_COMM_WORLD_SIZE: String(size), MLAC_DEVICE: String(rank) },
    }),
  );
  return await Promise.all(
    children.map(async (child) => {
      let said = "";
      child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
      return { code: await new Promise<number | null>((settle) => child.on("close", settle)), said };
    }),
  );
}
