import type { Command } from "commander";
import type { AskedTarget } from "../target.js";
import { between, buildModel, type CommonOptions, count, declare, explain, note, print, targetOption } from "./command.js";

interface Options extends CommonOptions {
  prompt: string;
  maxTokens: number;
  temperature: number;
  topK?: number;
  topP?: number;
  seed?: number;
  threads?: number;
  target?: AskedTarget;
}

export default function (program: Command): void {
  const examples = [
    'mlac generate runs/tiny-2026-11-23-190512 --prompt "The jury said"',
    'mlac generate --prompt "In" --temperature 0 --max-tokens 40',
  ];
  declare(program, "generate", "let a trained model continue a text", examples)
    .argument("[run]", "a run's folder or one of its checkpoints (default: the newest run)")
    .option("--prompt <text>", "the text to continue", "")
    .option("--max-tokens <n>", "tokens to add at most", count(1), 200)
    .option("--temperature <x>", "0: always the most likely token; higher: bolder", between(0), 0.8)
    .option("--top-k <n>", "only the n most likely tokens", count(1))
    .option("--top-p <x>", "only the most likely tokens that reach this probability together", between(0, 1))
    .option("--seed <n>", "the same seed gives the same text (default: a new one each time)", count(0))
    .option("--threads <n>", "threads to compute with (default: one a processor)", count(1))
    .addOption(targetOption().default(undefined, "the run's"))
    .action(async (run: string | undefined, options: Options) => {
      const runs = await import("../../runtime/runs.js");
      const checkpoint = await runs.findCheckpoint(run ?? runs.newestRun() ?? runs.noRun(), note);
      const { directory: _, ...recipe } = checkpoint.state.recipe;
      const { targetToRun } = await import("../chooseTarget.js");
      const asked = options.target ?? recipe.target;
      const chosen = await targetToRun({ target: asked, ...(asked === recipe.target ? { dtype: recipe.dtype } : {}) });
      const fuse = await explain(chosen, recipe.fuse);
      const built = await buildModel({
        ...recipe,
        fuse,
        target: chosen.target,
        dtype: chosen.dtype,
        model: runs.modelOf(checkpoint.state.recipe),
      });

      const { generate } = await import("../../runtime/generate.js");
      const { printable } = await import("../../runtime/sample.js");
      const { prompt, maxTokens: tokens, temperature, topK, topP } = options;
      const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
      const show = (text: string): void => void (options.json || process.stdout.write(printable(text)));
      show(prompt);
      const sampling = { temperature, ...(topK === undefined ? {} : { topK }), ...(topP === undefined ? {} : { topP }) };
      const made = await generate({ built, checkpoint, prompt, tokens, seed, sampling, onText: show, threads: options.threads ?? 0 });
      if (options.json) print(options, "", { ok: true, checkpoint: checkpoint.path, prompt, ...made, seed });
      else process.stdout.write("\n");
      if (options.seed === undefined && temperature > 0) note(`\n${made.tokens} tokens of ${checkpoint.path}, --seed ${seed}`);
    });
}
