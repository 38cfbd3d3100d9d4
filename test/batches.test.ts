import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Batches, type BatchOptions, openBatches } from "../runtime/batches.js";
import { Random, scrambleAll, shuffled } from "../runtime/random.js";
import { writeShard } from "../runtime/shards.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("batches");

/** Shards of the given sizes whose ids count on from shard to shard, so that an id is a place. */
async function countingShards(...sizes: number[]): Promise<string[]> {
  const folder = temporaryFolder();
  const paths: string[] = [];
  let next = 0;
  for (const [i, size] of sizes.entries()) {
    const path = join(folder, `${i}.bin`);
    await writeShard(
      path,
      Array.from({ length: size }, (_, j) => next + j),
      2,
    );
    next += size;
    paths.push(path);
  }
  return paths;
}

const take = (batches: Batches, count: number): number[][] =>
  Array.from({ length: count }, () => batches.next()).map(({ tokens, targets }) => [...tokens, ...targets]);

async function standard(more: Partial<BatchOptions> = {}): Promise<BatchOptions> {
  return { shards: await countingShards(103, 57, 41), batch: 3, length: 8, vocabulary: 256, seed: 5, ...more };
}

test("targets are the next tokens, and sequences do not cross shards", async () => {
  const batches = openBatches(await standard());
  for (const row of take(batches, 20)) {
    for (let i = 0; i < 24; i++) assert.is(row[24 + i], (row[i] ?? 0) + 1);
    for (let b = 0; b < 3; b++) {
      const shardOf = (id = 0): number => (id < 103 ? 0 : id < 160 ? 1 : 2);
      assert.is(shardOf(row[8 * b]), shardOf(row[24 + 8 * b + 7]));
    }
  }
  batches.close();
});

test("an epoch takes every window once and no token twice, in another order each time", async () => {
  const batches = openBatches(await standard({ batch: 1 }));
  assert.equal([batches.windows, batches.tokensPerEpoch], [12 + 7 + 5, 192]);
  const orders: string[] = [];
  for (let epoch = 0; epoch < 6; epoch++) {
    assert.is(batches.position.epoch, epoch);
    const tokens = take(batches, 24).flatMap((row) => row.slice(0, 8));
    assert.is(new Set(tokens).size, 192);
    orders.push(tokens.join());
  }
  assert.is(new Set(orders).size, 6);
  // 103 - 1 = 12 · 8 + 6: the tokens to spare are not the same ones in every epoch.
  const firsts = orders.map((order) => Math.min(...order.split(",").map(Number)));
  assert.ok(new Set(firsts).size > 1, firsts.join());
  batches.close();
});

test("batches go on into the next epoch, so that no window is left out", async () => {
  const batches = openBatches(await standard({ batch: 7 }));
  const singles = openBatches({ ...(await standard()), batch: 1 });
  const joined = take(batches, 7).flatMap((row) => row.slice(0, 56));
  const single = take(singles, 49).flatMap((row) => row.slice(0, 8));
  assert.equal(joined, single);
  assert.equal([batches.position.epoch, batches.position.window], [2, 1]);
  batches.close();
  singles.close();
});

test("a resumed run sees the batches that the other one would have seen", async () => {
  const options = await standard();
  const whole = openBatches(options);
  const all = take(whole, 40);
  whole.close();
  for (const at of [0, 1, 7, 8, 9, 23, 39]) {
    const first = openBatches(options);
    take(first, at);
    const stored = JSON.stringify(first.position);
    first.close();
    const second = openBatches(options);
    take(second, 3);
    second.seek(JSON.parse(stored));
    assert.equal(take(second, 40 - at), all.slice(at), `after ${at} batches`);
    second.close();
  }
});

test("the order follows from the seed", async () => {
  const of = async (seed: number): Promise<string> => {
    const batches = openBatches(await standard({ seed }));
    const text = JSON.stringify(take(batches, 8));
    batches.close();
    return text;
  };
  assert.is(await of(1), await of(1));
  assert.is.not(await of(1), await of(2));
  assert.is.not(await of(1), await of(1 + 2 ** 32));
});

test("without shuffling, windows come in their order, and rewinding starts over", async () => {
  const batches = openBatches(await standard({ shuffle: false, batch: 2 }));
  const first = take(batches, 12);
  assert.equal(
    first[0]?.slice(0, 16),
    Array.from({ length: 16 }, (_, i) => i),
  );
  assert.equal(
    first[6]?.slice(0, 8),
    Array.from({ length: 8 }, (_, i) => 103 + i),
  );
  batches.rewind();
  assert.equal(take(batches, 12), first);
  batches.close();
});

test("a batch can be read into arrays that are there", async () => {
  const options = await standard();
  const [a, b] = [openBatches(options), openBatches(options)];
  const into = { tokens: new Int32Array(24), targets: new Int32Array(24) };
  for (let i = 0; i < 3; i++) {
    const given = a.next(into);
    assert.is(given.tokens, into.tokens);
    assert.equal(given, b.next());
  }
  a.close();
  b.close();
});

test("a position of other data is refused", async () => {
  const options = await standard();
  const batches = openBatches(options);
  const { position } = batches;
  const others: Partial<BatchOptions>[] = [
    { length: 7 },
    { seed: 6 },
    { shards: options.shards.slice(1) },
    { shards: options.shards.toReversed() },
  ];
  for (const other of others) {
    const changed = openBatches({ ...options, ...other });
    await failsWith(() => changed.seek(position), "data/changed", "other shards");
    changed.close();
  }
  const wider = openBatches({ ...options, batch: 5 });
  wider.seek(position);
  wider.close();
  batches.close();
});

test("too little data is refused", async () => {
  const shards = await countingShards(100, 8);
  await failsWith(
    () => openBatches({ shards, batch: 1, length: 8, vocabulary: 256 }),
    "data/short",
    "1.bin has 8 tokens; a sequence of 8 and its targets need 9",
  );
  openBatches({ shards, batch: 15, length: 7, vocabulary: 256 }).close();
  await failsWith(
    () => openBatches({ shards, batch: 16, length: 7, vocabulary: 256 }),
    "data/short",
    "the data have 15 sequences of 7 tokens; a batch takes 16",
  );
  await failsWith(() => openBatches({ shards: [], batch: 1, length: 7, vocabulary: 256 }), "data/short", "have 0 sequences");
});

test("an id beyond the vocabulary is named with its place", async () => {
  const [first = ""] = await countingShards(100);
  const batches = openBatches({ shards: [first], batch: 1, length: 8, vocabulary: 40, shuffle: false });
  take(batches, 4);
  // The window of tokens 32 … 39 has 40 for its last target.
  await failsWith(() => batches.next(), "data/token", `token 40 of ${first} has the id 40; the model's vocabulary has the ids 0 to 39`);
  batches.close();
});

test("shuffled is one-to-one for every size, and mixes", () => {
  for (let count = 1; count <= 70; count++) {
    const places = Array.from({ length: count }, (_, i) => shuffled(i, count, 99));
    assert.equal(
      places.toSorted((a, b) => a - b),
      Array.from({ length: count }, (_, i) => i),
    );
  }
  const count = 1000;
  let fixed = 0;
  let neighbours = 0;
  for (let i = 0; i < count; i++) {
    if (shuffled(i, count, 1) === i) fixed++;
    if (Math.abs(shuffled(i, count, 1) - shuffled((i + 1) % count, count, 1)) === 1) neighbours++;
  }
  assert.ok(fixed < 10 && neighbours < 12, `${fixed} in their place, ${neighbours} beside their neighbour`);
  const far = 2 ** 40 + 3;
  const places = Array.from({ length: 1000 }, (_, i) => shuffled(i, far, 1));
  assert.is(new Set(places).size, 1000);
  assert.ok(places.every((place) => place >= 0 && place < far));
});

test("random numbers are those of xoshiro128**, and go on from a stored state", () => {
  // From the state 1, 2, 3, 4: the authors' C program gives these.
  const random = new Random([1, 2, 3, 4]);
  assert.equal(
    Array.from({ length: 5 }, () => random.bits()),
    [11520, 0, 5927040, 70819200, 2031721883],
  );
  const restored = new Random(JSON.parse(JSON.stringify(random.state)));
  assert.equal(
    Array.from({ length: 5 }, () => restored.next()),
    Array.from({ length: 5 }, () => random.next()),
  );
  const uniform = new Random(3);
  const mean = Array.from({ length: 20_000 }, () => uniform.next()).reduce((a, b) => a + b) / 20_000;
  assert.ok(Math.abs(mean - 0.5) < 0.01, String(mean));
  assert.is.not(scrambleAll(0, 1), scrambleAll(1, 0));
});

test.run();
