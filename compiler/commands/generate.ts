import type { Command } from "commander";
import { Option } from "commander";
import type { Prompt, PromptSettings } from "../../runtime/prompts.js";
import type { RunCheckpoint } from "../../runtime/runs.js";
import { fail } from "../diagnostics.js";
import { type Generation, mlaWays } from "../generation.js";
import type { AskedTarget } from "../target.js";
import { between, buildModel, type CommonOptions, count, declare, explain, note, print, targetOption } from "./command.js";

interface Options extends CommonOptions {
  prompt?: string;
  prompts?: string;
  maxTokens: number;
  temperature: number;
  topK?: number;
  topP?: number;
  seed?: number;
  stop: string[];
  mla: Generation["mla"];
  context?: number;
  rows?: number;
  window?: number;
  threads?: number;
  target?: AskedTarget;
}

export default function (program: Command): void {
  const examples = [
    'mlac generate runs/tiny-2026-11-23-190512 --prompt "The jury said"',
    'mlac generate --prompt "In" --temperature 0 --max-tokens 40 --stop "."',
    "mlac generate --prompts questions.txt --json > answers.json",
  ];
  declare(program, "generate", "let a trained model continue texts", examples)
    .argument("[run]", "a run's folder or one of its checkpoints (default: the newest run)")
    .option("--prompt <text>", "the text to continue")
    .option("--prompts <file>", 'continue many: a prompt, or a JSON object such as {"prompt": "…", "max_tokens": 9}, on each line')
    .option("--max-tokens <n>", "tokens to add at most", count(1), 200)
    .option("--temperature <x>", "0: always the most likely token; higher: bolder", between(0), 0.8)
    .option("--top-k <n>", "only the n most likely tokens", count(1))
    .option("--top-p <x>", "only the most likely tokens that reach this probability together", between(0, 1))
    .option("--seed <n>", "the same seed gives the same text (default: a new one each time)", count(0))
    .option("--stop <text>", "end where this text would come (may be repeated)", (text: string, before: string[]) => [...before, text], [])
    .addOption(
      new Option("--mla <way>", "attention over the latent, or over keys and values; auto: whichever keeps less")
        .choices(mlaWays)
        .default("auto"),
    )
    .option("--context <n>", "tokens that a prompt and its continuation may have together (default: the model's T)", count(1))
    .option("--rows <n>", "requests that are decoded together (default: 8)", count(1))
    .option("--window <n>", "tokens of a prompt that go in at once (default: 128, or the context)", count(1))
    .option("--threads <n>", "threads to compute with (default: one a processor)", count(1))
    .addOption(targetOption().default(undefined, "the run's"))
    .action(async (run: string | undefined, options: Options) => {
      const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
      const prompts = await promptsOf(options, seed);
      const runs = await import("../../runtime/runs.js");
      const checkpoint = await runs.findCheckpoint(run ?? runs.newestRun() ?? runs.noRun(), note);
      const built = await buildFor(checkpoint, options);
      const { generate } = await import("../../runtime/generate.js");
      const { watchSignals, exitCodeOf } = await import("../../runtime/signals.js");
      const { inOrder } = await import("./generateOutput.js");
      const signals = watchSignals((signal) => note(`\n${signal}: ending after this token`));
      const output = options.json ? undefined : inOrder(prompts, (text) => void process.stdout.write(text));
      try {
        const started = performance.now();
        const results = await generate({
          built,
          checkpoint,
          prompts,
          threads: options.threads ?? 0,
          stopped: () => signals.received !== undefined,
          ...(output ? { onText: output.onText, onEnd: output.onEnd } : {}),
        });
        output?.close();
        if (options.json) print(options, "", { ok: true, checkpoint: checkpoint.path, results });
        const tokens = results.reduce((n, result) => n + result.tokens.length, 0);
        const seconds = (performance.now() - started) / 1000;
        const sown = options.seed === undefined && options.temperature > 0 ? `, --seed ${seed}` : "";
        note(`\n${tokens} tokens in ${seconds.toFixed(1)} s, of ${checkpoint.path}${sown}`);
        if (signals.received) process.exitCode = exitCodeOf(signals.received);
      } finally {
        signals.release();
      }
    });
}

/** Errors: use/prompt, use/prompts. */
async function promptsOf(options: Options, seed: number): Promise<Prompt[]> {
  const { maxTokens, temperature, topK, topP, stop, prompt, prompts } = options;
  const settings: PromptSettings = {
    maxTokens,
    temperature,
    seed,
    stop,
    ...(topK === undefined ? {} : { topK }),
    ...(topP === undefined ? {} : { topP }),
  };
  if ((prompt === undefined) === (prompts === undefined))
    fail("use/prompt", prompt === undefined ? "there is no prompt" : "both --prompt and --prompts are given", {
      help: 'give the text to continue: --prompt "The jury said"; or a file with many: --prompts FILE',
    });
  if (prompt !== undefined) return [{ ...settings, text: prompt, where: "the prompt" }];
  const { readPrompts } = await import("../../runtime/prompts.js");
  return readPrompts(prompts!, settings);
}

/** The checkpoint's model, built for generating. */
async function buildFor(checkpoint: RunCheckpoint, options: Options): ReturnType<typeof buildModel> {
  const runs = await import("../../runtime/runs.js");
  const { directory: _, ...recipe } = checkpoint.state.recipe;
  const { targetToRun } = await import("../chooseTarget.js");
  const asked = options.target ?? recipe.target;
  const chosen = await targetToRun({ target: asked, ...(asked === recipe.target ? { dtype: recipe.dtype } : {}) });
  const fuse = await explain(chosen, recipe.fuse);
  const { context, rows, window, mla } = options;
  const model = { ...recipe, fuse, target: chosen.target, dtype: chosen.dtype, model: runs.modelOf(checkpoint.state.recipe) };
  const generate = { mla, ...(context ? { context } : {}), ...(rows ? { rows, slots: rows } : {}), ...(window ? { window } : {}) };
  return buildModel({ ...model, generate });
}
