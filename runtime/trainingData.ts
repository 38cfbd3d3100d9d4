/** The data of a run, opened: batches to train on and to validate with, and their tokenizer. */
import { fail } from "../compiler/diagnostics.js";
import { type Batches, openBatches } from "./batches.js";
import { brownShards } from "./corpus.js";
import { expandPaths } from "./paths.js";
import type { Settings } from "./settings.js";
import { openTokenizer, type Tokenizer } from "./tokenizers.js";

export interface TrainingData {
  train: Batches;
  validation?: Batches;
  tokenizer: Tokenizer;
  close(): void;
}

export interface Sizes {
  batch: number;
  length: number;
  vocabulary: number;
}

/** Where the shards of built-in corpora are kept, so that they are made once. */
const cache = "data";

/** `note` hears of work that takes a while. Errors: data/tokenizer, data/vocabulary, data/files, data/shard, data/short. */
export async function openTrainingData(settings: Settings, sizes: Sizes, note: (text: string) => void): Promise<TrainingData> {
  const tokenizer = await openTokenizer(settings.data.tokenizer);
  checkVocabulary(tokenizer, sizes.vocabulary);
  const open = async (data: string, part: "train" | "validation"): Promise<Batches> =>
    openBatches({
      shards: await shardsOf(data, part, tokenizer, note),
      ...sizes,
      seed: settings.seed,
      shuffle: part === "train",
    });
  const train = await open(settings.data.train, "train");
  const { validation: wanted } = settings.data;
  const validation = wanted === undefined ? undefined : await open(wanted, "validation");
  return {
    train,
    tokenizer,
    ...(validation === undefined ? {} : { validation }),
    close() {
      train.close();
      validation?.close();
    },
  };
}

/** A model may have room for more tokens than the tokenizer has (a round V), but not for fewer. */
export function checkVocabulary(tokenizer: Tokenizer, vocabulary: number): void {
  if (tokenizer.vocabulary > vocabulary)
    fail(
      "data/vocabulary",
      `the tokenizer ${tokenizer.name} has ${tokenizer.vocabulary} tokens; the model has room for V = ${vocabulary}`,
      {
        help: `set V to ${tokenizer.vocabulary} or more in model.ts, or with --set V=${tokenizer.vocabulary}`,
      },
    );
}

async function shardsOf(data: string, part: "train" | "validation", tokenizer: Tokenizer, note: (text: string) => void): Promise<string[]> {
  if (data !== "brown") return expandPaths(data, [".bin"]);
  const slow = setTimeout(() => note("preparing the Brown corpus …"), 500);
  try {
    return (await brownShards(cache, tokenizer))[part];
  } finally {
    clearTimeout(slow);
  }
}
