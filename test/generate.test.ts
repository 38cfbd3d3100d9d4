/** Text from a checkpoint: the same for the same seed whatever else is asked; stop texts, contexts, prompts from files; what is drawn how often. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { suite } from "uvu";
import * as assert from "uvu/assert";
import { type Built, build } from "../compiler/build.js";
import { inOrder } from "../compiler/commands/generateOutput.js";
import { emitAll } from "../compiler/compile.js";
import { hostFiles } from "../compiler/emit/hostFiles.js";
import { root } from "../compiler/package.js";
import { saveCheckpoint } from "../runtime/checkpoint.js";
import { type Generated, generate } from "../runtime/generate.js";
import { type Draw, openGenerator } from "../runtime/generator.js";
import { type Prompt, type PromptSettings, readPrompts, tokensOf } from "../runtime/prompts.js";
import { findCheckpoint } from "../runtime/runs.js";
import { TextStream } from "../runtime/textStream.js";
import { byteTokenizer, type Tokenizer } from "../runtime/tokenizers.js";
import { normal, uniform } from "./gradientCheck.js";
import { failsWith, temporaryFolder } from "./temporary.js";

const test = suite("generate");
const folder = temporaryFolder();
const model = join(root, "test/fixture/model.ts");
const set = { T: "32", D: "16", H: "2", N: "4", R: "4", U: "4", C: "6", E: "4", F: "8", S: "8", W: "12", V: "256" };
const options = { model, target: "cpu", dtype: "f32", fuse: {}, set, out: join(folder, "build") } as const;
const built: Built = await build({ ...options, generate: { rows: 3, slots: 3, window: 8, context: 48 } });

/** Weights from a seed, as a run would have left them. */
async function checkpointOf(name: string, tokenizer: string): ReturnType<typeof findCheckpoint> {
  const generator = await openGenerator(built);
  const weights = generator.weights();
  const next = uniform(5);
  for (const { name, shape } of weights.names()) {
    const numbers = normal(
      next,
      shape.reduce((n, s) => n * s, 1),
    ).map((x) => (shape.length === 1 ? 1 + 0.1 * x : x / Math.sqrt(shape[0]!)));
    await weights.write(name, new Uint8Array(Float32Array.from(numbers, (x) => (name === "head" ? 6 * x : x)).buffer));
  }
  const none = { names: () => [], read: () => new Uint8Array(), write: () => undefined };
  const recipe = { model, directory: folder, set, fuse: {}, dtype: "f32", target: "cpu" };
  const saving = { parameters: weights, optimizer: none, step: 1, state: { recipe, tokenizer }, dtype: "f32", mlac: "0.1.0", keep: 1 };
  mkdirSync(join(folder, name), { recursive: true });
  const { path } = await saveCheckpoint(join(folder, name), saving);
  await generator.close();
  return findCheckpoint(path, () => undefined);
}
const checkpoint = await checkpointOf("checkpoints", "byte");

const settings: PromptSettings = { maxTokens: 20, temperature: 1, seed: 1, stop: [] };
const promptOf = (text: string, more: Partial<Prompt> = {}): Prompt => ({ ...settings, text, where: "the prompt", ...more });

async function say(...prompts: Prompt[]): Promise<Generated[]> {
  const shown = prompts.map(() => "");
  const ended: number[] = [];
  const made = await generate({
    built,
    checkpoint,
    prompts,
    threads: 2,
    onText: (prompt, text) => {
      shown[prompt] += text;
    },
    onEnd: (prompt) => void ended.push(prompt),
  });
  assert.equal(
    shown,
    made.map(({ text }) => text),
    "what is shown is what is given",
  );
  assert.is(ended.length, prompts.length);
  return made;
}

test("the same seed gives the same text, another one another", async () => {
  const [one] = await say(promptOf("the"));
  assert.is(one!.finish === "length" ? 20 : one!.tokens.length, one!.tokens.length);
  assert.equal((await say(promptOf("the")))[0], one);
  assert.is.not((await say(promptOf("the", { seed: 2 })))[0]!.text, one!.text);
  assert.is((await say(promptOf("the", { seed: 2, temperature: 0 })))[0]!.text, (await say(promptOf("the", { temperature: 0 })))[0]!.text);
});

test("a prompt's text does not depend on what else is asked: other lengths, more than there are slots", async () => {
  const prompts = ["a", "the long way home, longer than a window", "the", "b", "", "xy"].map((text, i) =>
    promptOf(text || "zz", { seed: i, maxTokens: 5 + 4 * i }),
  );
  const together = await say(...prompts);
  for (const [i, prompt] of prompts.entries()) assert.equal((await say(prompt))[0], together[i], prompt.text);
  assert.equal(await say(...[...prompts].reverse()), [...together].reverse());
});

test("log-probabilities are those of the logits, before temperature and choice", async () => {
  const [sharp] = await say(promptOf("the", { temperature: 0, maxTokens: 4 }));
  const [cold] = await say(promptOf("the", { temperature: 1e-3, topK: 5, topP: 0.9, maxTokens: 4 }));
  assert.equal(cold, { ...sharp!, seed: 1 });
  assert.ok(sharp!.tokens.every(({ logProbability }) => logProbability < 0 && Number.isFinite(logProbability)));
});

test("a stop text ends it and is not shown; what may begin one is held back", async () => {
  const [whole] = await say(promptOf("the", { maxTokens: 30, seed: 3 }));
  const stop = whole!.text.slice(6, 8);
  const [cut] = await say(promptOf("the", { maxTokens: 30, seed: 3, stop: ["no such text", stop] }));
  assert.is(cut!.text, whole!.text.slice(0, whole!.text.indexOf(stop)));
  assert.is(cut!.finish, "stop");

  const letters: Tokenizer = { ...byteTokenizer, decode: (ids) => Buffer.from(ids as number[]).toString() };
  const shown: string[] = [];
  const stream = new TextStream(letters, ["abc"], (text) => void shown.push(text));
  for (const letter of "xaaby") assert.not(stream.add(letter.charCodeAt(0)));
  assert.equal(shown, ["x", "a", "aby"]);
  assert.not(stream.add("a".charCodeAt(0)));
  assert.is(stream.finish(), "xaabya");
  assert.equal(shown.at(-1), "a");
});

test("a text ends where the context does", async () => {
  const [one] = await say(promptOf("t".repeat(40), { maxTokens: 100 }));
  // 48, of which a token that starts the text; the last token that is drawn need not be kept.
  if (one!.finish !== "end") assert.equal([one!.finish, one!.promptTokens + one!.tokens.length], ["context", 49]);
});

test("texts that grow at the same time are shown one after the other, escape codes visible", () => {
  let shown = "";
  const output = inOrder([promptOf("a", { where: "1" }), promptOf("b", { where: "2" })], (text) => {
    shown += text;
  });
  output.onText(1, "two\u001b[2J");
  output.onText(0, "one");
  output.onEnd(1);
  output.onText(0, "!");
  output.onEnd(0);
  output.close();
  assert.is(shown, "── 1\naone!\n\n── 2\nbtwo\\x1b[2J\n");
});

/** Probabilities of tokens by what mlac_sample is said to do, and how often they come. */
test("tokens are drawn as often as temperature, top-k and top-p say", async () => {
  const generator = await openGenerator(built);
  const head = generator.weights();
  const next = uniform(9);
  for (const { name, shape } of head.names()) {
    const numbers = normal(
      next,
      shape.reduce((n, s) => n * s, 1),
    ).map((x) => (shape.length === 1 ? 1 : x / Math.sqrt(shape[0]!)));
    await head.write(name, new Uint8Array(Float32Array.from(numbers, (x) => (name === "head" ? 6 * x : x)).buffer));
  }
  await generator.decode([7, 11, 13].map((token, slot) => ({ token, slot, position: 0 })));
  const logits = await generator.logits();
  const ways: Pick<Draw, "temperature" | "topK" | "topP">[] = [
    { temperature: 1, topK: 0, topP: 1 },
    { temperature: 0.7, topK: 12, topP: 1 },
    { temperature: 1.3, topK: 0, topP: 0.6 },
    { temperature: 1, topK: 20, topP: 0.8 },
  ];
  const draws = 9000;
  for (const way of ways) {
    const counts = [0, 1, 2].map(() => new Map<number, number>());
    for (let step = 0; step < draws; step++) {
      const drawn = await generator.sample([5n, 6n, 7n].map((seed) => ({ ...way, seed, step })));
      drawn.forEach(({ token }, row) => void counts[row]!.set(token, (counts[row]!.get(token) ?? 0) + 1));
    }
    for (const [row, count] of counts.entries()) {
      const expected = probabilities(logits.subarray(row * 256, (row + 1) * 256), way);
      for (const token of count.keys()) assert.ok(expected.has(token), `token ${token} is not among those to be drawn`);
      // Rare tokens are counted together: the statistic is for expectations that are not too small.
      let [square, degrees, restExpected, restFound] = [0, -1, 0, 0];
      for (const [token, p] of expected) {
        const found = count.get(token) ?? 0;
        if (p * draws < 10) {
          restExpected += p * draws;
          restFound += found;
          continue;
        }
        square += (found - p * draws) ** 2 / (p * draws);
        degrees += 1;
      }
      if (restExpected >= 5) {
        square += (restFound - restExpected) ** 2 / restExpected;
        degrees += 1;
      }
      // Four standard deviations of a chi-square variable; the draws are fixed, so this holds or it does not.
      assert.ok(
        square < degrees + 4 * Math.sqrt(2 * degrees),
        `${JSON.stringify(way)}, row ${row}: ${square} with ${degrees} degrees of freedom`,
      );
      assert.ok(square > degrees - 4 * Math.sqrt(2 * degrees), "draws that fit too well are not random");
    }
  }
  await generator.close();
});

function probabilities(
  logits: ArrayLike<number>,
  { temperature, topK, topP }: Pick<Draw, "temperature" | "topK" | "topP">,
): Map<number, number> {
  const top = Math.max(...Array.from(logits));
  let left = Array.from(logits, (logit, id) => ({ id, weight: Math.exp((logit - top) / temperature) })).sort(
    (a, b) => b.weight - a.weight || a.id - b.id,
  );
  if (topK > 0) left = left.slice(0, topK);
  const sum = (list: typeof left): number => list.reduce((n, { weight }) => n + weight, 0);
  if (topP < 1) left = left.filter((_, i) => sum(left.slice(0, i)) < topP * sum(left));
  return new Map(left.map(({ id, weight }) => [id, weight / sum(left)]));
}

test("prompts come from a file, a line each, with settings of their own", () => {
  const path = join(folder, "prompts.jsonl");
  writeFileSync(path, 'first line\n\n{"prompt": "second", "max_tokens": 3, "top_k": 4, "seed": 9, "stop": "."}\n{"tokens": [1, 2]}\n');
  const [first, second, third] = readPrompts(path, settings);
  assert.equal(first, { ...settings, text: "first line", where: `${path}, line 1` });
  assert.equal(second, { ...settings, text: "second", maxTokens: 3, topK: 4, seed: 9, stop: ["."], where: `${path}, line 3` });
  assert.equal(third, { ...settings, tokens: [1, 2], where: `${path}, line 4` });
});

test("what cannot be continued is a sentence", async () => {
  const room = { vocabulary: 256, context: 48 };
  const tokens = (prompt: Prompt) => () => tokensOf(prompt, byteTokenizer, room);
  await failsWith(tokens(promptOf("")), "use/prompt", "the prompt is empty");
  await failsWith(tokens(promptOf("x".repeat(60))), "use/prompt", "has 61 tokens; the context has room for 48");
  await failsWith(
    tokens({ ...settings, tokens: [300], where: "line 1" }),
    "use/prompt",
    "token 300 is none of the model's, which are 0 to 255",
  );
  await failsWith(tokens(promptOf("a", { temperature: -1 })), "use/sampling", "the temperature is -1");
  await failsWith(tokens(promptOf("a", { maxTokens: 0 })), "use/sampling", "0 tokens cannot be added");
  await failsWith(tokens(promptOf("a", { stop: [""] })), "use/sampling", "an empty stop text");
  const file = (text: string | Uint8Array) => () => {
    const path = join(folder, "bad.txt");
    writeFileSync(path, text);
    return readPrompts(path, settings);
  };
  await failsWith(file("{nothing"), "use/prompts", "begins like JSON and is none");
  await failsWith(file('{"prompt": "a", "temprature": 1}'), "use/prompts", 'there is no "temprature"');
  await failsWith(file('{"seed": 1}'), "use/prompts", "neither of");
  await failsWith(file("\n\n"), "use/prompts", "has no prompt");
  await failsWith(file(Uint8Array.of(0xff, 0xfe)), "use/prompts", "not UTF-8");
  await failsWith(() => readPrompts(join(folder, "none.txt"), settings), "use/prompts", "cannot be read");
});

for (const target of ["cpu", "cuda"] as const)
  test(`what is emitted for the example is what is checked in: ${target}`, async () => {
    const dtype = target === "cpu" ? "f32" : "bf16";
    const emitted = await emitAll({ model: join(root, "examples/tiny/model.ts"), target, dtype, fuse: {}, set: {}, generate: {} });
    const place = join(root, `generated/tiny/${target}-generate`);
    for (const [name, text] of Object.entries(hostFiles(emitted))) assert.is(text, readFileSync(join(place, name), "utf8"), name);
    for (const { name, text } of emitted.kernels) {
      const file = `${name}${emitted.backend.extension}`;
      assert.is(text, readFileSync(join(place, "kernels", file), "utf8"), file);
    }
    assert.is(readdirSync(join(place, "kernels")).length, emitted.kernels.length);
  });

test("a checkpoint of another model is told apart", async () => {
  const other = await build({
    ...options,
    set: { ...set, D: "20" },
    out: join(folder, "other"),
    generate: { rows: 3, slots: 3, window: 8 },
  });
  await failsWith(() => generate({ built: other, checkpoint, prompts: [promptOf("a")], threads: 1 }), "run/foreign", "embed");
});

test.run();
