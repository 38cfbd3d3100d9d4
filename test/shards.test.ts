import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { realDisk } from "../runtime/durable.js";
import { inspectShards, verifyShards } from "../runtime/shardCheck.js";
import { ShardSeries } from "../runtime/shardSeries.js";
import { openShard, ShardWriter, widthFor, writeShard } from "../runtime/shards.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("shards");

/** A shard by hand, as llm.c's own program writes it. */
function byHand(path: string, magic: number, version: number, claimed: number, tokens: Uint16Array | Uint32Array): string {
  const header = new Int32Array(256);
  header.set([magic, version, claimed]);
  writeFileSync(path, Buffer.concat([new Uint8Array(header.buffer), new Uint8Array(tokens.buffer)]));
  return path;
}

const readAll = (path: string): number[] => {
  const shard = openShard(path);
  const ids = new Int32Array(shard.tokens);
  shard.read(0, shard.tokens, ids);
  shard.close();
  return [...ids];
};

test("reads and writes both formats of llm.c, to the byte", async () => {
  const folder = temporaryFolder();
  const small = byHand(join(folder, "a.bin"), 20240520, 1, 4, Uint16Array.of(50256, 0, 65535, 7));
  assert.equal(readAll(small), [50256, 0, 65535, 7]);
  await writeShard(join(folder, "b.bin"), [50256, 0, 65535, 7], 2);
  assert.equal(readFileSync(join(folder, "b.bin")), readFileSync(small));
  const large = byHand(join(folder, "c.bin"), 20240801, 7, 3, Uint32Array.of(128_000, 1, 2 ** 31 - 1));
  assert.equal(readAll(large), [128_000, 1, 2 ** 31 - 1]);
  await writeShard(join(folder, "d.bin"), Uint32Array.of(128_000, 1, 2 ** 31 - 1), 4);
  assert.equal(readFileSync(join(folder, "d.bin")), readFileSync(large));
  assert.equal([256, 65_536, 65_537].map(widthFor), [2, 2, 4]);
});

test("reads parts, into the middle of an array", async () => {
  const path = join(temporaryFolder(), "a.bin");
  await writeShard(
    path,
    Array.from({ length: 1000 }, (_, i) => i),
    2,
  );
  const shard = openShard(path);
  const into = new Int32Array(8).fill(-1);
  shard.read(997, 3, into, 2);
  assert.equal([...into], [-1, -1, 997, 998, 999, -1, -1, -1]);
  shard.read(10, 2, into);
  assert.equal([...into], [10, 11, 997, 998, 999, -1, -1, -1]);
  assert.throws(() => shard.read(998, 3, into), /998 to 1001 of 1000/);
  shard.close();
});

test("what is no shard is refused, with the reason", async () => {
  const path = join(temporaryFolder(), "x.bin");
  const tokens = Uint16Array.of(1, 2, 3);
  const cases: [() => unknown, string][] = [
    [() => byHand(path, 20240521, 1, 3, tokens), "magic number is 20240521"],
    [() => byHand(path, 20240520, 7, 3, tokens), "its version is 7; with magic 20240520 it must be 1"],
    [() => byHand(path, 20240801, 1, 3, tokens), "its version is 1; with magic 20240801 it must be 7"],
    [() => byHand(path, 20240522, 1, 3, tokens), "evaluation file"],
    [() => byHand(path, 20240520, 1, 4, tokens), "4 tokens of 2 bytes, 1032 bytes in all; the file has 1030"],
    [() => byHand(path, 20240520, 1, 2, tokens), "1028 bytes in all; the file has 1030"],
    [() => byHand(path, 20240801, 7, 3, tokens), "3 tokens of 4 bytes"],
    [() => byHand(path, 20240520, 1, 0, new Uint16Array()), "it has 0 tokens"],
    [() => byHand(path, 20240520, 1, -1, tokens), "it has -1 tokens"],
    [() => writeFileSync(path, new Uint8Array(1023)), "it has 1023 bytes"],
    [() => writeFileSync(path, ""), "it has 0 bytes"],
  ];
  for (const [make, sentence] of cases) {
    make();
    await failsWith(() => openShard(path), "data/shard", sentence);
  }
  await failsWith(() => openShard(join(path, "none")), "data/shard", "cannot be read");
});

test("a shard appears when it is whole", async () => {
  const folder = temporaryFolder();
  const path = join(folder, "a.bin");
  const writer = await ShardWriter.create(path, 2);
  await writer.append(Array.from({ length: 600_000 }, (_, i) => i % 1000));
  assert.equal(readdirSync(folder), ["a.bin.partial"]);
  await writer.append([5]);
  await writer.finish();
  assert.equal(readdirSync(folder), ["a.bin"]);
  const ids = readAll(path);
  assert.is(ids.length, 600_001);
  assert.ok(ids.every((id, i) => id === (i === 600_000 ? 5 : i % 1000)));
});

test("a token that does not fit, and a full disk, leave nothing", async () => {
  const folder = temporaryFolder();
  let message = "";
  await writeShard(join(folder, "a.bin"), [1, 65_536], 2).catch((error: Error) => {
    message = error.message;
  });
  assert.match(message, "65536 does not fit into 2 bytes");
  assert.equal(readdirSync(folder), []);
  const full = { ...realDisk, open: () => open("/dev/full", "w") } as typeof realDisk;
  let code: string | undefined;
  await ShardWriter.create(join(folder, "b.bin"), 2, full).catch((error: { code?: string }) => {
    code = error.code;
  });
  assert.is(code, "ENOSPC");
  assert.equal(readdirSync(folder), []);
});

test("a series fills shard after shard", async () => {
  const folder = temporaryFolder();
  const series = new ShardSeries(join(folder, "x_train_"), 2, 10);
  for (let i = 0; i < 25; i += 5) await series.append(Uint32Array.from({ length: 5 }, (_, j) => i + j));
  const shards = await series.finish();
  assert.equal(
    shards.map(({ tokens }) => tokens),
    [10, 10, 5],
  );
  assert.equal(readdirSync(folder).sort(), ["x_train_000000.bin", "x_train_000001.bin", "x_train_000002.bin"]);
  assert.equal(
    shards.flatMap(({ path }) => readAll(path)),
    Array.from({ length: 25 }, (_, i) => i),
  );
});

test("verify finds what is wrong and reads on", async () => {
  const folder = temporaryFolder();
  const at = (name: string): string => join(folder, name);
  await writeShard(at("a.bin"), [1, 2, 3], 2);
  await writeShard(at("b.bin"), [1, 2, 256, 4, 300], 2);
  await writeShard(at("c.bin"), [1, 2, 3], 4);
  byHand(at("d.bin"), 20240520, 1, 9, Uint16Array.of(1));
  byHand(at("e.bin"), 20240801, 7, 1, Uint32Array.of(2 ** 32 - 1));
  const paths = readdirSync(folder).sort().map(at);
  const seen: number[] = [];
  const result = await verifyShards(paths, { vocabulary: 256, progress: ({ shards, total }) => seen.push(shards / total) });
  assert.equal(seen, [0.2, 0.4, 0.6, 0.8, 1]);
  assert.equal(
    result.shards.map(({ problems }) => problems),
    [
      [],
      ["token 2 has the id 256, and 1 more are not in the vocabulary of 256"],
      [`it holds the same tokens as ${at("a.bin")}`],
      [result.shards[3]?.problems[0]],
      ["token 0 has the id 4294967295, which is not in the vocabulary of 256"],
    ],
  );
  assert.match(result.shards[3]?.problems[0] ?? "", "9 tokens of 2 bytes");
  assert.equal(
    result.shards.map(({ largestId }) => largestId),
    [3, 300, 3, -1, 2 ** 32 - 1],
  );
  assert.equal([result.tokens, result.problems], [12, 4]);
  assert.is((await verifyShards([at("b.bin")])).problems, 0);
});

test("inspect tells sizes and the first tokens", async () => {
  const path = join(temporaryFolder(), "a.bin");
  await writeShard(path, [7, 8, 9], 4);
  assert.equal(inspectShards([path], 2), { shards: [{ path, tokens: 3, width: 4, bytes: 1036, start: [7, 8] }], tokens: 3, bytes: 1036 });
  assert.equal(inspectShards([path]).shards[0]?.start, [7, 8, 9]);
});

test.run();
