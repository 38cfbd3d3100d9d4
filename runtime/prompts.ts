/** What is to be continued: from the command line, or from a file with one prompt a line. */
import { readFileSync } from "node:fs";
import { fail } from "../compiler/diagnostics.js";
import { sentenceOf } from "./checkpointManifest.js";
import { checkSampling } from "./sample.js";
import type { Tokenizer } from "./tokenizers.js";

/** Values that hold for a prompt where it does not say others. */
export interface PromptSettings {
  maxTokens: number;
  temperature: number;
  topK?: number;
  topP?: number;
  seed: number;
  stop: readonly string[];
}

export interface Prompt extends PromptSettings {
  /** Absent where its tokens are given. */
  text?: string;
  /** Ids of the model's tokenizer, in place of a text. */
  tokens?: readonly number[];
  /** For messages: "prompts.jsonl, line 3". */
  where: string;
}

/**
 * A line of a file is a prompt, or a JSON object: { "prompt": "…" } or { "tokens": [ids] }, and of its own what the command line says for all
 * (max_tokens, temperature, top_k, top_p, seed, stop). Empty lines are passed over. Errors: use/prompts, use/prompt, use/sampling.
 */
export function readPrompts(path: string, settings: PromptSettings): Prompt[] {
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(readFileSync(path));
  } catch (error) {
    const why = error instanceof TypeError ? "it is not UTF-8 text" : sentenceOf(error);
    fail("use/prompts", `${path} cannot be read: ${why}`, { help: "it is a text file with a prompt, or a JSON object, on each line" });
  }
  const prompts = text.split(/\r?\n/).flatMap((line, i) => {
    const where = `${path}, line ${i + 1}`;
    if (line.trim() === "") return [];
    return [line.trimStart().startsWith("{") ? fromJson(line, where, settings) : { ...settings, text: line, where }];
  });
  if (prompts.length === 0) fail("use/prompts", `${path} has no prompt: all its lines are empty`);
  return prompts;
}

const numbers = { max_tokens: "maxTokens", temperature: "temperature", top_k: "topK", top_p: "topP", seed: "seed" } as const;

function fromJson(line: string, where: string, settings: PromptSettings): Prompt {
  let object: Record<string, unknown>;
  try {
    object = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return fail("use/prompts", `${where} begins like JSON and is none`, {
      help: 'write { "prompt": "…" }, or a line that does not begin with {',
    });
  }
  const result: Prompt = { ...settings, where };
  for (const [key, value] of Object.entries(object)) {
    if (key === "prompt" && typeof value === "string") result.text = value;
    else if (key === "tokens" && Array.isArray(value) && value.every(Number.isInteger)) result.tokens = value as number[];
    else if (key === "stop" && typeof value === "string") result.stop = [value];
    else if (key === "stop" && Array.isArray(value) && value.every((stop) => typeof stop === "string")) result.stop = value as string[];
    else if (key in numbers && typeof value === "number") result[numbers[key as keyof typeof numbers]] = value;
    else
      fail("use/prompts", `${where}: there is no "${key}" that is ${JSON.stringify(value).slice(0, 60)}`, {
        help: `a prompt has "prompt" (a text) or "tokens" (ids), and "stop", ${Object.keys(numbers).join(", ")}`,
      });
  }
  if ((result.text === undefined) === (result.tokens === undefined))
    fail("use/prompts", `${where} has ${result.text === undefined ? "neither" : "both"} of "prompt" and "tokens"`);
  return result;
}

/**
 * A prompt's tokens as the model sees them: behind the tokenizer's end of text, where it has one, since in the data a document begins
 * with the end of the one before. Errors: use/prompt, use/sampling.
 */
export function tokensOf(prompt: Prompt, tokenizer: Tokenizer, model: { vocabulary: number; context: number }): readonly number[] {
  const { where, maxTokens, seed } = prompt;
  checkSampling(prompt);
  if (!(Number.isInteger(maxTokens) && maxTokens >= 1))
    fail("use/sampling", `${where}: ${maxTokens} tokens cannot be added; 1 or more can`);
  if (!(Number.isSafeInteger(seed) && seed >= 0)) fail("use/sampling", `${where}: the seed is ${seed}; it is a whole number of 0 or more`);
  if (prompt.stop.includes("")) fail("use/sampling", `${where}: an empty stop text would stop at once`);
  if ((prompt.text ?? prompt.tokens)!.length === 0)
    fail("use/prompt", `${where} is empty: there is nothing to continue`, {
      help: 'give the text that comes before: --prompt "The jury said"',
    });
  const start = tokenizer.endOfText === undefined ? [] : [tokenizer.endOfText];
  const ids = prompt.tokens ?? [...start, ...tokenizer.encode(prompt.text!)];
  const unknown = ids.find((id) => id < 0 || id >= model.vocabulary);
  if (unknown !== undefined)
    fail("use/prompt", `${where}: token ${unknown} is none of the model's, which are 0 to ${model.vocabulary - 1}`, {
      help: "are the ids of another tokenizer than the model's?",
    });
  if (ids.length > model.context)
    fail(
      "use/prompt",
      `${where} has ${ids.length.toLocaleString("en-US")} tokens; the context has room for ${model.context.toLocaleString("en-US")}`,
      {
        help: `take a larger context (--context ${2 ** Math.ceil(Math.log2(ids.length + maxTokens))}), or give the end of the text only`,
      },
    );
  return ids;
}
