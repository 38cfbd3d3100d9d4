/** A checkpoint's model, opened to continue a text. */
import { storedReal } from "../compiler/target.js";
import { restoreCheckpoint } from "./checkpoint.js";
import { type Continuation, continueText } from "./continuation.js";
import { Random } from "./random.js";
import type { RunCheckpoint } from "./runs.js";
import type { Sampling } from "./sample.js";
import { type BuiltModel, openSession } from "./session.js";
import { storesOf } from "./stores.js";
import { openTokenizer } from "./tokenizers.js";
import { checkVocabulary } from "./trainingData.js";

export interface GenerateOptions {
  built: BuiltModel;
  checkpoint: RunCheckpoint;
  prompt: string;
  /** At most. */
  tokens: number;
  seed: number;
  sampling: Sampling;
  onText: (text: string) => void;
  threads: number;
}

/** Errors: run/foreign where the model is not the checkpoint's any more, and those of continueText. */
export async function generate(options: GenerateOptions): Promise<Continuation> {
  const { built, checkpoint, prompt, tokens, seed, sampling, onText, threads } = options;
  const tokenizer = await openTokenizer(checkpoint.state.tokenizer);
  const session = await openSession(built, { threads });
  try {
    checkVocabulary(tokenizer, session.vocabulary);
    await restoreCheckpoint(checkpoint, { parameters: storesOf(session).parameters, dtype: storedReal(built.manifest.dtype) });
    return await continueText(session, tokenizer, prompt, { ...sampling, tokens, random: new Random(seed), onText });
  } finally {
    await session.close();
  }
}
