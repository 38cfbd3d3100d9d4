import { suite } from "uvu";
import * as assert from "uvu/assert";
import { Random } from "../runtime/random.js";
import { checkSampling, printable, type Sampling, sampleToken } from "../runtime/sample.js";
import { failsWith } from "./temporary.js";

const test = suite("sample");

/** How often each token is drawn. */
function shares(logits: ArrayLike<number>, sampling: Sampling, draws = 20_000): number[] {
  const random = new Random(11);
  const counts = new Array<number>(logits.length).fill(0);
  for (let i = 0; i < draws; i++) {
    const id = sampleToken(logits, sampling, random);
    counts[id] = (counts[id] ?? 0) + 1;
  }
  return counts.map((count) => count / draws);
}

function close(actual: readonly number[], expected: readonly number[]): void {
  const off = Math.max(...actual.map((share, i) => Math.abs(share - (expected[i] ?? 0))));
  assert.ok(off < 0.015, `${actual} instead of ${expected}`);
}

const logits = Float32Array.from([0.5, 0.2, 0.05, 0.25].map(Math.log));

test("tokens come as often as softmax says", () => {
  close(shares(logits, {}), [0.5, 0.2, 0.05, 0.25]);
  close(
    shares(
      logits.map((logit) => logit + 900),
      {},
    ),
    [0.5, 0.2, 0.05, 0.25],
  );
});

test("temperature sharpens and flattens; 0 is the most likely token", () => {
  const squares = [0.25, 0.04, 0.0025, 0.0625].map((p) => p / 0.355);
  close(shares(logits, { temperature: 0.5 }), squares);
  close(shares(logits, { temperature: 1e6 }), [0.25, 0.25, 0.25, 0.25]);
  close(shares(logits, { temperature: 1e-12 }), [1, 0, 0, 0]);
  const random = new Random(1);
  assert.is(sampleToken([1, 3, 3, 2], { temperature: 0 }, random), 1);
  assert.equal(random.state, new Random(1).state);
});

test("top-k and top-p leave the most likely tokens, in their proportions", () => {
  close(shares(logits, { topK: 2 }), [2 / 3, 0, 0, 1 / 3]);
  close(shares(logits, { topK: 1 }), [1, 0, 0, 0]);
  close(shares(logits, { topK: 9 }), [0.5, 0.2, 0.05, 0.25]);
  close(shares(logits, { topP: 0.49 }), [1, 0, 0, 0]);
  close(shares(logits, { topP: 0.7 }), [2 / 3, 0, 0, 1 / 3]);
  close(shares(logits, { topP: 0.94 }), [0.5 / 0.95, 0.2 / 0.95, 0, 0.25 / 0.95]);
  // top-p is a share of what top-k has left: 0.5 of 0.75 is 0.67.
  close(shares(logits, { topK: 2, topP: 0.66 }), [1, 0, 0, 0]);
  close(shares([1, 1, 1, 1], { topK: 2 }), [0.5, 0.5, 0, 0]);
  close(shares([1, 1, 1, 1], { topP: 0.6 }), [1 / 3, 1 / 3, 1 / 3, 0]);
});

test("a token of logit -infinity never comes", () => {
  close(shares([Number.NEGATIVE_INFINITY, 0, Number.NEGATIVE_INFINITY, 0], { topK: 3 }), [0, 0.5, 0, 0.5]);
});

test("the same seed draws the same tokens, and a stored state goes on", () => {
  const random = new Random(4);
  const first = Array.from({ length: 10 }, () => sampleToken(logits, {}, random));
  const restored = new Random(JSON.parse(JSON.stringify(random.state)));
  const second = Array.from({ length: 10 }, () => sampleToken(logits, {}, random));
  assert.equal(
    Array.from({ length: 10 }, () => sampleToken(logits, {}, restored)),
    second,
  );
  const again = new Random(4);
  assert.equal(
    Array.from({ length: 20 }, () => sampleToken(logits, {}, again)),
    [...first, ...second],
  );
});

test("logits that are no numbers are refused", async () => {
  const random = new Random(1);
  await failsWith(() => sampleToken([0, Number.NaN], {}, random), "run/logits", "the logit of token 1 is NaN");
  await failsWith(() => sampleToken([Number.POSITIVE_INFINITY, 0], {}, random), "run/logits", "the logit of token 0 is Infinity");
  await failsWith(() => sampleToken([Number.NEGATIVE_INFINITY], {}, random), "run/logits", "no token has a finite logit");
  await failsWith(() => sampleToken([], {}, random), "run/logits", "no token has a finite logit");
});

test("settings that make no sense are refused", async () => {
  const bad: [Sampling, string][] = [
    [{ temperature: -1 }, "temperature is -1"],
    [{ temperature: Number.NaN }, "temperature is NaN"],
    [{ topK: 0 }, "top-k is 0"],
    [{ topK: 1.5 }, "top-k is 1.5"],
    [{ topP: 0 }, "top-p is 0"],
    [{ topP: 1.1 }, "top-p is 1.1"],
  ];
  for (const [sampling, sentence] of bad) await failsWith(() => checkSampling(sampling), "use/sampling", sentence);
  checkSampling({ temperature: 0, topK: 1, topP: 1 });
});

test("printable shows what a terminal would act on", () => {
  assert.is(printable("plain text\n\tüber 日本 🙂"), "plain text\n\tüber 日本 🙂");
  assert.is(printable("\u001b[31mred\u001b]0;title\u0007"), "\\x1b[31mred\\x1b]0;title\\x07");
  assert.is(printable("a\rb\u0008\u007f\u009b\u0000"), "a\\x0db\\x08\\x7f\\x9b\\x00");
  assert.is(printable("user\u202etxt\u2066\u200b\ufeff\u{e0041}"), "user\\u{202e}txt\\u{2066}\\u{200b}\\u{feff}\\u{e0041}");
  assert.is(printable("\ud800"), "\\u{d800}");
});

test.run();
