/** Keys and values that are kept as they are; windows against the training build; what the cache takes; what cannot be computed. */
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { build } from "../compiler/build.js";
import type { Generation } from "../compiler/generation.js";
import { openSession } from "../runtime/session.js";
import { type Case, checkTokenByToken, distance, fixture, grouped, logitsOf, open, options, plain, T, texts } from "./decodeCases.js";

const test = suite("decode, plain");
const cases: readonly Case[] = [
  { what: "grouped queries", model: grouped, dtype: "f32", mla: "auto" },
  { what: "plain attention", model: plain, dtype: "f64", mla: "auto" },
];
for (const one of cases) test(`${one.what}, ${one.dtype}: 300 tokens one by one`, () => checkTokenByToken(one));

test("a window gives the logits that the training build gives", async () => {
  const session = await openSession(await build(options(fixture, "f32")), { threads: 2 });
  const generator = await open({ model: fixture, dtype: "f32", mla: "absorb" });
  const store = generator.weights();
  for (const { name } of store.names()) await session.write(name, await store.read(name));
  const at = [0, 5, 100, 300];
  const logits = Float64Array.from(await session.predict(Int32Array.from(at.flatMap(() => texts[0]!)), Int32Array.from(at)));
  for (const [row, last] of at.entries()) {
    await generator.prefill([{ tokens: texts[0]!.slice(0, last + 1), slot: 0 }]);
    const error = distance(logits.slice(row * 64, (row + 1) * 64), await logitsOf(generator, 0));
    assert.ok(error < 1e-5, `${error}`);
  }
  await session.close();
  await generator.close();
});

test("the cache takes what its layout says: a latent, a rotary key and a number a head, or keys and values", async () => {
  const perToken = async (mla: Generation["mla"]): Promise<number> => {
    const generator = await open({ model: fixture, dtype: "f32", mla });
    const { slots, context, numbers, bytesPerToken, cache } = generator.sizes;
    const bytes = await generator.cacheBytes();
    await generator.close();
    assert.is(
      bytes,
      cache.reduce((n, one) => n + one.bytes, 0),
    );
    assert.is(numbers.plain, 2 * 2 * (16 + 8 + 16));
    const each = bytes / 4 / slots / context;
    assert.is(each, numbers.kept);
    assert.is(each * 4, bytesPerToken);
    return each;
  };
  assert.is(await perToken("absorb"), 2 * (20 + 8 + 2));
  assert.is(await perToken("materialize"), 2 * 2 * (16 + 8 + 16));
});

test("what cannot be computed is a sentence", async () => {
  const generator = await open({ model: fixture, dtype: "f32", mla: "absorb" });
  const fails = async (work: Promise<unknown>, sentence: string): Promise<void> => {
    const message = await work.then(
      () => "",
      (error: Error) => error.message,
    );
    assert.match(message, sentence);
  };
  await fails(generator.sample([undefined]), "no logits yet");
  await fails(generator.decode([{ token: 64, slot: 0, position: 0 }]), "token id 64 is not below the vocabulary of 64");
  await fails(generator.decode([{ token: 1, slot: 4, position: 0 }]), "slot 4 is not one of the 4");
  await fails(generator.decode([{ token: 1, slot: 0, position: T }]), `position ${T} is not within the context of ${T}`);
  await fails(generator.decode([]), "the first row has no request");
  await fails(generator.prefill([{ tokens: [], slot: 0 }]), "0 tokens");
  await fails(generator.weights().write("head", new Uint8Array(4)) as Promise<void>, "head has");
  await generator.close();
});

test.run();
