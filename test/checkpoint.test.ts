import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { MlacError } from "../compiler/diagnostics.js";
import {
  latestCheckpoint,
  openCheckpoint,
  restoreCheckpoint,
  type Saving,
  type Stores,
  saveCheckpoint,
  type TensorStore,
} from "../runtime/checkpoint.js";
import { fingerprintOf } from "../runtime/checkpointManifest.js";
import { type Disk, realDisk } from "../runtime/durable.js";
import { Random } from "../runtime/random.js";
import { openSafetensors, type TensorInfo } from "../runtime/safetensors.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("checkpoint");

const q: TensorInfo = { name: "layers.0.attn.q", dtype: "F32", shape: [4, 6] };
const head: TensorInfo = { name: "head", dtype: "F32", shape: [8] };
const momentum: TensorInfo = { name: "momentum.layers.0.attn.q", dtype: "F32", shape: [4, 6] };

/** Tensors in memory; those of step s hold numbers that depend on s. Counts what is written into it. */
class Memory implements TensorStore {
  readonly held = new Map<string, Uint8Array>();
  writes = 0;
  readonly #infos: readonly TensorInfo[];

  constructor(infos: readonly TensorInfo[], step = 0) {
    this.#infos = infos;
    for (const { name, shape } of infos) {
      const count = shape.reduce((a, b) => a * b, 1);
      this.held.set(name, new Uint8Array(Float32Array.from({ length: count }, (_, i) => step + i / 7 + name.length).buffer));
    }
  }
  names(): readonly TensorInfo[] {
    return this.#infos;
  }
  read(name: string): Uint8Array {
    return this.held.get(name) ?? new Uint8Array();
  }
  write(name: string, bytes: Uint8Array): void {
    this.writes++;
    this.held.set(name, bytes);
  }
}

const stores = (step = 0) => ({ parameters: new Memory([q, head], step), optimizer: new Memory([momentum], step + 0.5), dtype: "f32" });
const saving = (step: number, more: Partial<Saving> = {}): Saving => ({
  ...stores(step),
  step,
  state: { position: { epoch: 1, window: step }, random: [1, 2, 3, step], losses: [5.25, 1 / 3] },
  mlac: "0.1.0",
  keep: 3,
  ...more,
});
const same = (a: Stores, b: Stores): boolean =>
  [
    [a.parameters, b.parameters],
    [a.optimizer, b.optimizer],
  ].every(([x, y]) =>
    [...(x as Memory).held].every(([name, bytes]) => Buffer.compare(bytes, (y as Memory).held.get(name) ?? bytes.subarray(1)) === 0),
  );
const stepsIn = (root: string): string[] => readdirSync(root).sort();

test("what was saved comes back: tensors, state, and what it was saved from", async () => {
  const root = join(temporaryFolder(), "run", "checkpoints");
  const { path, bytes, removed, warnings } = await saveCheckpoint(root, saving(12));
  assert.equal([path, removed, warnings], [join(root, "step-000012"), [], []]);
  assert.equal(stepsIn(path), ["manifest.json", "model.safetensors", "optimizer.safetensors", "state.json"]);
  assert.is(
    readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0),
    bytes,
  );
  const checkpoint = await openCheckpoint(path);
  assert.is(checkpoint.step, 12);
  assert.equal(checkpoint.state, { step: 12, position: { epoch: 1, window: 12 }, random: [1, 2, 3, 12], losses: [5.25, 1 / 3] });
  assert.equal([checkpoint.manifest.mlac, checkpoint.manifest.dtype], ["0.1.0", "f32"]);
  assert.is(checkpoint.manifest.fingerprint, fingerprintOf([head, q]));
  const target = stores();
  assert.not.ok(same(target, stores(12)));
  await restoreCheckpoint(checkpoint, target);
  assert.ok(same(target, stores(12)));
  const parametersOnly = stores();
  await restoreCheckpoint(checkpoint, { parameters: parametersOnly.parameters, dtype: "f32" });
  assert.is(parametersOnly.optimizer.writes, 0);
});

test("the model's file is plain safetensors", async () => {
  const { path } = await saveCheckpoint(temporaryFolder(), saving(3));
  const tensors = openSafetensors(join(path, "model.safetensors"));
  assert.equal([...tensors.read("head")], [...stores(3).parameters.read("head")]);
  tensors.close();
});

test("the newest are kept, and the one with the best score for good", async () => {
  const root = temporaryFolder();
  const scores = [3, 1, 2, 4, 5, Number.NaN, 6];
  const removed: string[] = [];
  for (const [i, score] of scores.entries())
    removed.push(...(await saveCheckpoint(root, saving(10 * (i + 1), { keep: 2, score }))).removed);
  assert.equal(stepsIn(root), ["step-000020", "step-000060", "step-000070"]);
  assert.is(removed.length, 4);
});

test("damaged ones do not count towards those that are kept", async () => {
  const root = temporaryFolder();
  await saveCheckpoint(root, saving(1));
  await saveCheckpoint(root, saving(2));
  truncateSync(join(root, "step-000002", "model.safetensors"), 50);
  await saveCheckpoint(root, saving(3, { keep: 2 }));
  assert.equal(stepsIn(root), ["step-000001", "step-000002", "step-000003"]);
});

test("a state that JSON would change is refused", async () => {
  const root = temporaryFolder();
  let message = "";
  await saveCheckpoint(root, saving(1, { state: { losses: [1, Number.NaN] } })).catch((error: Error) => {
    message = error.message;
  });
  assert.match(message, "NaN");
  assert.equal(stepsIn(root), []);
});

test("every flipped bit, in any file, is found before a tensor is used", async () => {
  const { path } = await saveCheckpoint(temporaryFolder(), saving(7));
  const random = new Random(1);
  for (const name of readdirSync(path)) {
    const good = readFileSync(join(path, name));
    for (let i = 0; i < 150; i++) {
      const bad = Buffer.from(good);
      const bit = i < 8 ? i : random.bits() % (8 * bad.byteLength);
      bad[bit >> 3] = (bad[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      writeFileSync(join(path, name), bad);
      await failsWith(() => openCheckpoint(path), "run/checkpoint", new RegExp(`step-000007/${name.replace(".", "\\.")}`));
    }
    writeFileSync(join(path, name), good);
  }
  assert.is((await openCheckpoint(path)).step, 7);
});

test("a checkpoint that is hashed already is not hashed again; its files' lengths and its manifest still count", async () => {
  const { path } = await saveCheckpoint(temporaryFolder(), saving(7));
  const file = join(path, "optimizer.safetensors");
  writeFileSync(file, Buffer.alloc(readFileSync(file).byteLength));
  await failsWith(() => openCheckpoint(path), "run/checkpoint", "is damaged");
  assert.is((await openCheckpoint(path, true)).step, 7);
  writeFileSync(file, "cut");
  await failsWith(() => openCheckpoint(path, true), "run/checkpoint", "has 3 bytes");
});

test("a file cut short at any length, too long, missing or exchanged is found", async () => {
  const root = temporaryFolder();
  const { path } = await saveCheckpoint(root, saving(7));
  const other = (await saveCheckpoint(root, saving(8))).path;
  for (const name of readdirSync(path)) {
    const good = readFileSync(join(path, name));
    const lengths = Array.from({ length: 40 }, (_, i) => Math.floor((i * good.byteLength) / 40));
    for (const length of lengths) {
      writeFileSync(join(path, name), good.subarray(0, length));
      await failsWith(() => openCheckpoint(path), "run/checkpoint", `step-000007/${name}`);
    }
    writeFileSync(join(path, name), Buffer.concat([good, Buffer.alloc(1)]));
    await failsWith(() => openCheckpoint(path), "run/checkpoint", `step-000007/${name}`);
    rmSync(join(path, name));
    await failsWith(() => openCheckpoint(path), "run/checkpoint", name === "manifest.json" ? "was not finished" : `step-000007/${name}`);
    cpSync(join(other, name), join(path, name));
    // The manifest of another step does not fit these files either.
    await failsWith(() => openCheckpoint(path), "run/checkpoint", "step-000007/");
    writeFileSync(join(path, name), good);
  }
});

test("the newest good one is found, and the bad ones named", async () => {
  const root = temporaryFolder();
  assert.equal(await latestCheckpoint(join(root, "none")), { rejected: [] });
  for (const step of [1, 2, 3, 1_000_000]) await saveCheckpoint(root, saving(step, { keep: 9 }));
  mkdirSync(join(root, "step-9"));
  mkdirSync(join(root, ".step-000009.partial-1"));
  assert.is((await latestCheckpoint(root)).checkpoint?.step, 1_000_000);
  const flip = (step: string, name: string): void => {
    const file = join(root, step, name);
    const bytes = readFileSync(file);
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 4;
    writeFileSync(file, bytes);
  };
  flip("step-1000000", "optimizer.safetensors");
  rmSync(join(root, "step-000003", "manifest.json"));
  const { checkpoint, rejected } = await latestCheckpoint(root);
  assert.is(checkpoint?.step, 2);
  assert.match(rejected[0]?.reason ?? "", "step-1000000/optimizer.safetensors is damaged");
  assert.match(rejected[1]?.reason ?? "", "step-000003 has no readable manifest.json");
  assert.is(rejected.length, 2);
});

test("a checkpoint of another model changes nothing, and the first tensor that differs is named", async () => {
  const checkpoint = await openCheckpoint((await saveCheckpoint(temporaryFolder(), saving(5))).path);
  const cases: [TensorInfo[], TensorInfo[], string, string][] = [
    [[q, { ...head, shape: [9] }], [momentum], "run/foreign", "head is [8] in step-000005/model.safetensors and [9] in this model"],
    [[{ ...q, shape: [6, 4] }, head], [momentum], "run/foreign", "layers.0.attn.q is [4, 6] in"],
    [[q, head, { ...head, name: "gain" }], [momentum], "run/foreign", "has no gain [8]"],
    [[q], [momentum], "run/foreign", "has head [8], which this model does not"],
    [[q, { ...head, dtype: "I32" }], [momentum], "run/foreign", "head is F32 in step-000005/model.safetensors and I32 in this model"],
    [[q, head], [{ ...momentum, name: "adamw.m.layers.0.attn.q" }], "run/foreign", "optimizer.safetensors has no adamw.m.layers.0.attn.q"],
  ];
  for (const [parameters, optimizer, slug, sentence] of cases) {
    const target = { parameters: new Memory(parameters), optimizer: new Memory(optimizer), dtype: "f32" };
    await failsWith(() => restoreCheckpoint(checkpoint, target), slug, sentence);
    assert.is(target.parameters.writes + target.optimizer.writes, 0);
  }
  await failsWith(
    () => restoreCheckpoint(checkpoint, { ...stores(), dtype: "f64" }),
    "run/dtype",
    "built as f32; this one is built as f64",
  );
});

/** A disk whose calls fail from the n-th on: only that one, or, as when the process dies, all after it too. */
function failingDisk(at: number, after: "works" | "dead", code: string): { disk: Disk; calls: () => number } {
  let calls = 0;
  const count = (): void => {
    calls++;
    if (calls === at || (calls > at && after === "dead")) throw Object.assign(new Error(`injected ${code}`), { code });
  };
  const handle = (file: FileHandle): FileHandle =>
    new Proxy(file, {
      get(target, name) {
        const own = target[name as keyof FileHandle] as unknown;
        if (typeof own !== "function") return own;
        return async (...args: unknown[]) => {
          // A dead process's files are closed for it; and a close that fails has closed.
          if (name === "close") await target.close();
          count();
          if (name === "close") return;
          // Half of what is written arrives, as when the disk fills up.
          if (name === "write" && calls === at - 1) return own.call(target, args[0], args[1], Math.ceil(Number(args[2]) / 2));
          return own.call(target, ...args);
        };
      },
    });
  const counted =
    <A extends unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      count();
      return call(...args);
    };
  const disk = {
    open: counted(async (...args: Parameters<Disk["open"]>) => handle(await realDisk.open(...args))),
    rename: counted(realDisk.rename),
    mkdir: counted(realDisk.mkdir as (...args: unknown[]) => Promise<unknown>),
    rm: counted(realDisk.rm),
  } as unknown as Disk;
  return { disk, calls: () => calls };
}

/** How many calls it takes to save `next` into a copy of `root`. */
async function callsOf(root: string, next: Saving): Promise<number> {
  const copy = join(temporaryFolder(), "copy");
  cpSync(root, copy, { recursive: true });
  const { disk, calls } = failingDisk(Number.POSITIVE_INFINITY, "works", "");
  await saveCheckpoint(copy, next, disk);
  return calls();
}

async function checkRestores(root: string, allowed: readonly number[], context: string): Promise<number> {
  const { checkpoint, rejected } = await latestCheckpoint(root);
  assert.ok(
    checkpoint !== undefined && allowed.includes(checkpoint.step),
    `${context}: found ${checkpoint?.step}, ${JSON.stringify(rejected)}`,
  );
  const target = stores();
  await restoreCheckpoint(checkpoint, target);
  assert.ok(same(target, stores(checkpoint.step)), `${context}: the tensors are those of step ${checkpoint.step}`);
  return checkpoint.step;
}

for (const code of ["ENOSPC", "EIO"])
  test(`${code} at any call gives a sentence or a whole checkpoint, and harms no older one`, async () => {
    const root = temporaryFolder();
    await saveCheckpoint(root, saving(1));
    await saveCheckpoint(root, saving(2));
    const next = saving(3, { keep: 1 });
    const calls = await callsOf(root, next);
    assert.ok(calls > 30, `${calls} calls`);
    let failed = 0;
    for (let at = 1; at <= calls; at++) {
      const copy = join(temporaryFolder(), "copy");
      cpSync(root, copy, { recursive: true });
      try {
        const { warnings } = await saveCheckpoint(copy, next, failingDisk(at, "works", code).disk);
        assert.is(await checkRestores(copy, [3], `${code} at call ${at}`), 3, warnings.join());
      } catch (error) {
        assert.instance(error, MlacError, String((error as Error).stack));
        assert.is((error as MlacError).diagnostics[0]?.slug, "run/disk");
        assert.match((error as MlacError).message, code === "ENOSPC" ? "the disk is full" : "the disk reported an error");
        failed++;
        await checkRestores(copy, [2, 3], `${code} at call ${at}`);
        assert.ok(
          existsSync(join(copy, "step-000002")) && existsSync(join(copy, "step-000001")),
          `${code} at call ${at}: the older ones are there`,
        );
        assert.not.ok(
          readdirSync(copy).some((name) => name.includes("partial")),
          `${code} at call ${at}: nothing half-written stays`,
        );
      }
    }
    assert.ok(failed > 20, `${failed} of ${calls} calls failed the save`);
  });

test("a crash at any call leaves a good checkpoint, and the next save works and clears up", async () => {
  const root = temporaryFolder();
  await saveCheckpoint(root, saving(1));
  await saveCheckpoint(root, saving(2));
  const next = saving(3, { keep: 1 });
  const calls = await callsOf(root, next);
  const found = new Set<number>();
  for (let at = 1; at <= calls; at++) {
    const copy = join(temporaryFolder(), "copy");
    cpSync(root, copy, { recursive: true });
    await saveCheckpoint(copy, next, failingDisk(at, "dead", "EIO").disk).catch(() => {});
    found.add(await checkRestores(copy, [2, 3], `crash at call ${at}`));
    await saveCheckpoint(copy, saving(4, { keep: 1 }));
    assert.equal(readdirSync(copy), ["step-000004"], `crash at call ${at}`);
  }
  assert.equal([...found].sort(), [2, 3]);
});

test("saving a step again replaces it, and a crash on the way leaves one of both", async () => {
  const root = temporaryFolder();
  await saveCheckpoint(root, saving(1));
  const again = saving(1, { ...stores(1), state: { again: true } });
  const calls = await callsOf(root, again);
  const states = new Set<boolean>();
  for (let at = 1; at <= calls; at++) {
    const copy = join(temporaryFolder(), "copy");
    cpSync(root, copy, { recursive: true });
    await saveCheckpoint(copy, again, failingDisk(at, "dead", "EIO").disk).catch(() => {});
    await checkRestores(copy, [1], `crash at call ${at}`);
    states.add((await latestCheckpoint(copy)).checkpoint?.state["again"] === true);
  }
  assert.is(states.size, 2);
  await saveCheckpoint(root, again);
  assert.equal(stepsIn(root), ["step-000001"]);
  assert.equal((await openCheckpoint(join(root, "step-000001"))).state, { step: 1, again: true });
});

test("a checkpoint that cannot be removed is a warning", async () => {
  const root = temporaryFolder();
  await saveCheckpoint(root, saving(1));
  const disk: Disk = {
    ...realDisk,
    rename: async (from, to) => {
      if (String(from).endsWith("step-000001")) throw Object.assign(new Error(), { code: "EACCES" });
      return realDisk.rename(from, to);
    },
  };
  const { warnings, removed } = await saveCheckpoint(root, saving(2, { keep: 1 }), disk);
  assert.equal([warnings, removed], [["step-000001 could not be removed: the permission is missing"], []]);
});

test("a folder under another name is still the checkpoint that it is", async () => {
  const root = temporaryFolder();
  await saveCheckpoint(root, saving(41));
  renameSync(join(root, "step-000041"), join(root, "best"));
  assert.is((await openCheckpoint(join(root, "best"))).step, 41);
});

test.run();
