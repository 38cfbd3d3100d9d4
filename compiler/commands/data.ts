import { type Command, InvalidArgumentError } from "commander";
import type { Progress } from "../../runtime/prepare.js";
import { type CommonOptions, count, declare, note, print } from "./command.js";

export default function (program: Command): void {
  const data = program.command("data").description("make token shards of text, look into them, check them").helpCommand(false);
  prepare(data);
  inspect(data);
  verify(data);
}

interface PrepareOptions extends CommonOptions {
  out: string;
  tokenizer: string;
  name?: string;
  shardTokens?: number;
  validation?: number | { files: string };
  field?: string;
  overwrite?: true;
}

function prepare(data: Command): void {
  const examples = [
    'mlac data prepare "books/*.txt" --out data --tokenizer byte',
    "mlac data prepare web.jsonl --out data --tokenizer gpt2 --field content --validation 0.01",
  ];
  declare(data, "prepare", "turn text files into token shards", examples)
    .argument("<inputs...>", ".txt and .jsonl files, folders, patterns; each .txt file and each line of a .jsonl file is a document")
    .requiredOption("--out <folder>", "where the shards go")
    .requiredOption("--tokenizer <name>", '"byte", "gpt2", or a tokenizer.json')
    .option("--name <name>", "the shards are <name>_train_000000.bin and so on (default: data)")
    .option("--shard-tokens <n>", "tokens of a full shard (default: 100 million)", count(1))
    .option("--validation <share|files>", "the share of the documents to keep for validation, or files that are (default: 0.05)", share)
    .option("--field <name>", "the field of .jsonl lines that has the text (default: text)")
    .option("--overwrite", "replace shards of that name")
    .action(async (inputs: string[], options: PrepareOptions) => {
      const { prepareData } = await import("../../runtime/prepare.js");
      const { openTokenizer } = await import("../../runtime/tokenizers.js");
      const { json: _, tokenizer: name, ...rest } = options;
      const tokenizer = await openTokenizer(name);
      const prepared = await prepareData({ ...rest, inputs, tokenizer, progress: progress() });
      const lines = [...prepared.train, ...prepared.validation].map(
        ({ path, tokens }) => `${path}  ${tokens.toLocaleString("en-US")} tokens`,
      );
      const { documents } = prepared;
      lines.push(`${documents.train} documents to train on, ${documents.validation} to validate with`);
      print(options, lines.join("\n"), { ok: true, ...prepared });
    });
}

function inspect(data: Command): void {
  declare(data, "inspect", "say what shards hold, and how they begin", ['mlac data inspect "data/*.bin" --tokenizer gpt2'])
    .argument("<shards...>", "shards, folders, patterns")
    .option("--tokenizer <name>", "show the first tokens as text")
    .action(async (shards: string[], options: CommonOptions & { tokenizer?: string }) => {
      const { inspectShards } = await import("../../runtime/shardCheck.js");
      const { expandPaths } = await import("../../runtime/paths.js");
      const { printable } = await import("../../runtime/sample.js");
      const tokenizer =
        options.tokenizer === undefined ? undefined : await (await import("../../runtime/tokenizers.js")).openTokenizer(options.tokenizer);
      const found = inspectShards(expandPaths(shards, [".bin"]));
      const lines = found.shards.flatMap(({ path, tokens, width, start }) => [
        `${path}  ${tokens.toLocaleString("en-US")} tokens of ${width} bytes`,
        `  ${tokenizer ? printable(JSON.stringify(tokenizer.decode(start))) : start.join(" ")} …`,
      ]);
      lines.push(`${found.tokens.toLocaleString("en-US")} tokens in all`);
      print(options, lines.join("\n"), { ok: true, ...found });
    });
}

function verify(data: Command): void {
  declare(data, "verify", "read every token of shards and say what is wrong", ['mlac data verify "data/*.bin" --vocabulary 50257'])
    .argument("<shards...>", "shards, folders, patterns")
    .option("--vocabulary <n>", "tokens must be below it", count(1))
    .action(async (shards: string[], options: CommonOptions & { vocabulary?: number }) => {
      const { verifyShards } = await import("../../runtime/shardCheck.js");
      const { expandPaths } = await import("../../runtime/paths.js");
      const paths = expandPaths(shards, [".bin"]);
      const found = await verifyShards(paths, options.vocabulary === undefined ? {} : { vocabulary: options.vocabulary });
      const lines = found.shards.flatMap(({ path, tokens, problems }) =>
        problems.length > 0
          ? problems.map((problem) => `${path}: ${problem}`)
          : [`${path} is good: ${tokens.toLocaleString("en-US")} tokens`],
      );
      print(options, lines.join("\n"), { ok: found.problems === 0, ...found });
      if (found.problems > 0) process.exitCode = 1;
    });
}

/** A number below 1 is a share; anything else names files. */
function share(text: string): number | { files: string } {
  const value = Number(text);
  if (text.trim() === "") throw new InvalidArgumentError("Write a share such as 0.05, or files.");
  return Number.isNaN(value) ? { files: text } : value;
}

/** A line every two seconds, at most. */
function progress(): (done: Progress) => void {
  let shown = performance.now();
  return ({ file, documents, tokens, bytes, totalBytes }) => {
    if (performance.now() - shown < 2000) return;
    shown = performance.now();
    note(
      `${Math.floor((100 * bytes) / Math.max(1, totalBytes))} %  ${documents} documents, ${tokens.toLocaleString("en-US")} tokens  ${file}`,
    );
  };
}
