/** Text from a model: a prompt, then one token after the other, each by running the whole prefix again. */
import { appendFileSync } from "node:fs";
import { fail } from "../compiler/diagnostics.js";
import { sentenceOf } from "./checkpointManifest.js";
import type { Random } from "./random.js";
import { checkSampling, printable, type Sampling, sampleToken } from "./sample.js";
import type { Session } from "./session.js";
import { replacement, type Tokenizer } from "./tokenizers.js";

export interface ContinueOptions extends Sampling {
  /** Tokens to add at most; it ends sooner when the model ends its text. */
  tokens: number;
  random: Random;
  /** Gets new text as it becomes certain; a character may take several tokens. */
  onText?: (text: string) => void;
  /** Asked before each token. */
  stopped?: () => boolean;
}

export interface Continuation {
  /** Without the prompt. */
  text: string;
  tokens: number;
}

/** The model sees its last T tokens. Errors: use/sampling, use/prompt, run/logits. */
export async function continueText(
  session: Session,
  tokenizer: Tokenizer,
  prompt: string,
  options: ContinueOptions,
): Promise<Continuation> {
  checkSampling(options);
  const { endOfText } = tokenizer;
  // In the data a document begins with the end of the one before.
  const ids = [...(endOfText === undefined ? [] : [endOfText]), ...tokenizer.encode(prompt)];
  if (ids.length === 0) fail("use/prompt", "the prompt is empty, and this tokenizer has no token to start a text with");
  const given = ids.length;
  const { length, vocabulary } = session;
  const tokens = new Int32Array(session.batch * length);
  const at = new Int32Array(session.batch);
  let shown = "";
  while (ids.length - given < options.tokens && !options.stopped?.()) {
    const seen = ids.slice(-length);
    tokens.set(seen);
    at[0] = seen.length - 1;
    const logits = await session.predict(tokens, at);
    const next = sampleToken(logits.subarray(0, Math.min(vocabulary, tokenizer.vocabulary)), options, options.random);
    if (next === endOfText) break;
    ids.push(next);
    const text = tokenizer.decode(ids.slice(given));
    const certain = text.endsWith(replacement) ? shown : text;
    if (certain.length > shown.length) {
      options.onText?.(certain.slice(shown.length));
      shown = certain;
    }
  }
  const text = tokenizer.decode(ids.slice(given));
  if (text.length > shown.length) options.onText?.(text.slice(shown.length));
  return { text, tokens: ids.length - given };
}

/** Adds what a run's model wrote to its sample.txt. It is there to look at: what goes wrong is a sentence, and no reason to stop. */
export function addSample(path: string, step: number, text: string): string | undefined {
  try {
    appendFileSync(path, `── step ${step}\n${printable(text)}\n\n`);
    return undefined;
  } catch (error) {
    return `${path} could not be written: ${sentenceOf(error)}`;
  }
}
