/** A checkpoint's model, opened to continue texts. */
import { createHash } from "node:crypto";
import { storedReal } from "../compiler/target.js";
import { restoreCheckpoint } from "./checkpoint.js";
import { openGenerator } from "./generator.js";
import { type Prompt, tokensOf } from "./prompts.js";
import type { RunCheckpoint } from "./runs.js";
import { type Request, runRequests } from "./scheduler.js";
import type { BuiltModel } from "./session.js";
import { TextStream } from "./textStream.js";
import { openTokenizer } from "./tokenizers.js";
import { checkVocabulary } from "./trainingData.js";

export interface GenerateOptions {
  /** Built for generating. */
  built: BuiltModel;
  checkpoint: RunCheckpoint;
  prompts: readonly Prompt[];
  /** Gets new text of a prompt, by its number, as it becomes certain; a character may take several tokens. */
  onText?: (prompt: number, text: string) => void;
  onEnd?: (prompt: number) => void;
  threads: number;
  /** Asked before each step. */
  stopped?: () => boolean;
}

export interface GeneratedToken {
  id: number;
  /** Of this token by itself; bytes that are no character are U+FFFD. */
  text: string;
  /** Nats. */
  logProbability: number;
}

export interface Generated {
  prompt: string;
  /** How many tokens the prompt has, the one that starts a text among them. */
  promptTokens: number;
  /** Without the prompt, up to a stop text. */
  text: string;
  tokens: GeneratedToken[];
  /** `end`: the model ended its text; `stop`: a stop text; `length`: as many tokens as were asked for; `context`: no room for more. */
  finish: "end" | "stop" | "length" | "context" | "interrupted";
  seed: number;
}

/** Of a prompt's random numbers: other prompts have others, of which none are like these. */
function seedOf(seed: number, ids: readonly number[]): bigint {
  return createHash("sha256").update(`${seed} ${ids.join()}`).digest().readBigUInt64LE();
}

/** In the order of the prompts. Errors: run/foreign where the model is not the checkpoint's, run/dtype, use/prompt, use/sampling, run/failed. */
export async function generate(options: GenerateOptions): Promise<Generated[]> {
  const { built, checkpoint, prompts, onText, onEnd, threads, stopped } = options;
  const tokenizer = await openTokenizer(checkpoint.state.tokenizer);
  checkVocabulary(tokenizer, built.manifest.tokens.vocabulary);
  const model = { vocabulary: built.manifest.tokens.vocabulary, context: built.manifest.generation!.context };
  const ids = prompts.map((prompt) => tokensOf(prompt, tokenizer, model)); // before any memory is taken
  const generator = await openGenerator(built, { threads });
  try {
    await restoreCheckpoint(checkpoint, { parameters: generator.weights(), dtype: storedReal(built.manifest.dtype) });
    const results: Generated[] = prompts.map((prompt, i) => ({
      prompt: prompt.text ?? tokenizer.decode(ids[i]!),
      promptTokens: ids[i]!.length,
      text: "",
      tokens: [],
      finish: "interrupted",
      seed: prompt.seed,
    }));
    const requests = prompts.map((prompt, i): Request => {
      const result = results[i]!;
      const text = new TextStream(tokenizer, prompt.stop, (part) => onText?.(i, part));
      let found: "end" | "stop" = "end";
      return {
        tokens: ids[i]!,
        most: prompt.maxTokens,
        draw: { temperature: prompt.temperature, topK: prompt.topK ?? 0, topP: prompt.topP ?? 1, seed: seedOf(prompt.seed, ids[i]!) },
        onToken: ({ token, logProbability }) => {
          result.tokens.push({ id: token, text: tokenizer.decode([token]), logProbability });
          if (token === tokenizer.endOfText) return false;
          if (!text.add(token)) return true;
          found = "stop";
          return false;
        },
        onEnd: (why) => {
          result.text = text.finish();
          result.finish = why === "stopped" ? found : why;
          onEnd?.(i);
        },
      };
    });
    await runRequests(generator, requests, stopped);
    return results;
  } finally {
    await generator.close();
  }
}
