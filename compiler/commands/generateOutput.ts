/** Texts that come at the same time, shown one after the other: the first that is not done is shown as it grows. */
import type { Prompt } from "../../runtime/prompts.js";
import { printable } from "../../runtime/sample.js";

export interface OrderedOutput {
  onText(prompt: number, text: string): void;
  onEnd(prompt: number): void;
  /** Shows what is left, where it was interrupted. */
  close(): void;
}

export function inOrder(prompts: readonly Prompt[], write: (text: string) => void): OrderedOutput {
  const waiting = prompts.map(() => "");
  const done = new Set<number>();
  let shown = -1;
  const show = (text: string): void => write(printable(text));
  const next = (): void => {
    shown += 1;
    const prompt = prompts[shown];
    if (!prompt) return;
    if (prompts.length > 1) write(`${shown > 0 ? "\n" : ""}── ${prompt.where}\n`);
    show((prompt.text ?? "") + waiting[shown]);
  };
  next();
  return {
    onText(prompt, text) {
      if (prompt === shown) show(text);
      else waiting[prompt] += text;
    },
    onEnd(prompt) {
      done.add(prompt);
      while (done.has(shown)) {
        write("\n");
        next();
      }
    },
    close() {
      if (shown < prompts.length) write("\n");
    },
  };
}
