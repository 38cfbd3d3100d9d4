/** The port at which the control channel is served. */
import { createServer, type Server } from "node:net";
import { fail } from "../../compiler/diagnostics.js";
import { codeOf } from "../durable.js";

/** Listens at the first of the ports that no other program has. Errors: run/port. */
export async function openServer(host: string | undefined, ports: readonly number[]): Promise<Server> {
  let problem: unknown;
  for (const port of ports) {
    const server = createServer();
    try {
      await new Promise<void>((done, refuse) => {
        server.once("error", refuse);
        server.listen({ port, ...(host === undefined ? {} : { host }) }, done);
      });
      return server;
    } catch (error) {
      problem = error;
      server.close();
      if (codeOf(error) !== "EADDRINUSE") break;
    }
  }
  return fail("run/port", `the ranks' control channel cannot be opened at port ${ports.join(", ")}: ${(problem as Error).message}`, {
    help: "name a port that is free, the same for all ranks: MLAC_PORT=…",
  });
}
