/** What a training run came to, in a few lines. */

import { describe } from "./evaluation.js";
import { duration } from "./progress.js";
import { pathsOf } from "./runs.js";
import { printable } from "./sample.js";
import type { Outcome } from "./train.js";

export function summary(outcome: Outcome): string {
  const { step, steps, loss, validation, checkpoint, sample, seconds, folder, signal, report } = outcome;
  const paths = pathsOf(folder);
  const lines = [
    signal ? `stopped by ${signal} after step ${step} of ${steps}, and saved` : `trained ${steps} steps in ${duration(seconds)}`,
    `  ${validation ? describe(validation) : `loss of the last step ${loss.toFixed(4)}`}`,
    `  checkpoint  ${checkpoint}`,
    `  metrics     ${paths.metrics}`,
  ];
  if (report !== undefined) lines.push(`  report      ${report}`);
  if (sample !== undefined)
    lines.push(
      `  samples     ${paths.sample}`,
      "",
      ...printable(sample)
        .split("\n")
        .map((line) => `  │ ${line}`),
    );
  lines.push("", signal ? `go on:  mlac train --resume --run ${folder}` : `try it:  mlac generate ${folder} --prompt "…"`);
  return lines.join("\n");
}
