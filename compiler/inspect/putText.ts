/** Puts a text file in place at once, with its folder. */
import { mkdir } from "node:fs/promises";
import { dirname } from "node:path";
import { failOn, replaceFile } from "../../runtime/durable.js";

/** Errors: run/write. */
export async function putText(path: string, text: string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true });
    await replaceFile(path, (put) => put(Buffer.from(text)));
  } catch (error) {
    failOn(error, "run/write", `${path} cannot be written`);
  }
}
