/** What the runtime's tests share: folders that go away with the process, and the look of an expected error. */
import { existsSync, mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as assert from "uvu/assert";
import { MlacError } from "../compiler/diagnostics.js";

const folders: string[] = [];
process.on("exit", () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** In memory where there is room for it: what is tested here syncs a lot. */
function place(): string {
  const memory = "/dev/shm";
  if (!existsSync(memory)) return tmpdir();
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 2 ** 28 ? memory : tmpdir();
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(place(), "mlac-test-"));
  folders.push(folder);
  return folder;
}

/** `action` must end with one of mlac's errors: its slug, and a part of its sentence. */
export async function failsWith(action: () => unknown, slug: string, sentence: string | RegExp): Promise<void> {
  try {
    await action();
  } catch (error) {
    assert.instance(error, MlacError, `not an error of mlac's: ${String((error as Error).stack)}`);
    const [diagnostic] = (error as MlacError).diagnostics;
    assert.is(diagnostic?.slug, slug, diagnostic?.message ?? "");
    assert.match(diagnostic?.message ?? "", sentence);
    return;
  }
  assert.unreachable(`nothing failed; ${slug} was expected`);
}
