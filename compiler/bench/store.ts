/**
 * What was measured, kept in a file: a bench that is run again, or was interrupted, measures only what is not there. An entry's name
 * stands for all that decides the figure, the emitted code among it, so that a change to the model or the compiler asks anew.
 */
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { failOn, makeFolder, replaceFile } from "../../runtime/durable.js";
import { version } from "../package.js";

interface Kept {
  format: 1;
  /** Another version may have kept other things. */
  mlac: string;
  entries: Record<string, unknown>;
}

export class Store {
  readonly path: string;
  readonly #entries: Map<string, unknown>;

  /** One that is damaged is empty. */
  constructor(path: string) {
    this.path = path;
    this.#entries = new Map(Object.entries(read(path)));
  }

  get<T>(name: string): T | undefined {
    return this.#entries.get(name) as T | undefined;
  }

  /** On the disk when this is done. Errors: run/write. */
  async put(name: string, value: unknown): Promise<void> {
    this.#entries.set(name, value);
    const kept: Kept = { format: 1, mlac: version, entries: Object.fromEntries(this.#entries) };
    await write(this.path, `${JSON.stringify(kept)}\n`);
  }

  forget(): void {
    this.#entries.clear();
  }
}

function read(path: string): Record<string, unknown> {
  try {
    const kept = JSON.parse(readFileSync(path, "utf8")) as Kept | null;
    const holds = kept?.format === 1 && kept.mlac === version && typeof kept.entries === "object" && kept.entries !== null;
    return holds ? kept.entries : {};
  } catch {
    return {};
  }
}

/** Puts a text file in place, with its folder. Errors: run/write. */
export async function write(path: string, text: string): Promise<void> {
  try {
    await makeFolder(dirname(path));
    await replaceFile(path, (put) => put(Buffer.from(text)));
  } catch (error) {
    failOn(error, "run/write", `${path} cannot be written`);
  }
}
