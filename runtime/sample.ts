/** Picks the next token from logits, and shows sampled text so that it cannot disturb a terminal. */
import { fail } from "../compiler/diagnostics.js";
import type { Random } from "./random.js";

export interface Sampling {
  /** Logits are divided by it; 0 takes the most likely token. Default 1. */
  temperature?: number;
  /** Only the `topK` most likely tokens. Default: all. */
  topK?: number;
  /** Only the most likely tokens that together reach this probability. Default 1: all. */
  topP?: number;
}

/**
 * The id of a token drawn from softmax(logits / temperature), after topK and then topP. Takes one random number, or none
 * when temperature is 0. Equal logits rank by id. Errors: run/logits when a logit is NaN or +infinity, or all are -infinity.
 */
export function sampleToken(logits: ArrayLike<number>, { temperature = 1, topK, topP = 1 }: Sampling, random: Random): number {
  const best = checkLogits(logits);
  if (temperature === 0) return best;
  const most = logits[best] ?? 0;
  const weights = Float64Array.from(logits, (logit) => Math.exp((logit - most) / temperature));
  if (topK !== undefined && topK < weights.length) keepLargest(weights, topK);
  if (topP < 1) keepLargest(weights, countFor(weights, topP));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  let left = random.next() * total;
  let last = best;
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id] ?? 0;
    if (weight === 0) continue;
    last = id;
    left -= weight;
    if (left < 0) return id;
  }
  // Rounding may leave a crumb: then it is the last one that could be drawn.
  return last;
}

/** Errors: use/sampling, for values that make no sense. */
export function checkSampling({ temperature = 1, topK = 1, topP = 1 }: Sampling): void {
  if (!(temperature >= 0 && Number.isFinite(temperature))) fail("use/sampling", `the temperature is ${temperature}; it must be 0 or more`);
  if (!(Number.isInteger(topK) && topK >= 1)) fail("use/sampling", `top-k is ${topK}; it must be a whole number of at least 1`);
  if (!(topP > 0 && topP <= 1)) fail("use/sampling", `top-p is ${topP}; it must be above 0 and at most 1`);
}

/** The id of the largest logit. */
function checkLogits(logits: ArrayLike<number>): number {
  let best = 0;
  for (let id = 0; id < logits.length; id++) {
    const logit = logits[id] ?? 0;
    if (Number.isNaN(logit) || logit === Number.POSITIVE_INFINITY)
      fail("run/logits", `the logit of token ${id} is ${logit}`, {
        help: "the parameters are damaged or the training has diverged: use an older checkpoint",
      });
    if (logit > (logits[best] ?? 0)) best = id;
  }
  if (logits.length === 0 || logits[best] === Number.NEGATIVE_INFINITY) fail("run/logits", "no token has a finite logit");
  return best;
}

/** Sets all weights but the `count` largest to zero; of equal ones the first are kept. */
function keepLargest(weights: Float64Array, count: number): void {
  const threshold = weights.toSorted()[weights.length - count] ?? 0;
  let equal = count - weights.reduce((above, weight) => above + (weight > threshold ? 1 : 0), 0);
  for (let id = 0; id < weights.length; id++) {
    const weight = weights[id] ?? 0;
    if (weight < threshold || (weight === threshold && equal-- <= 0)) weights[id] = 0;
  }
}

/** How many of the largest weights reach the share `topP` of all; at least 1. */
function countFor(weights: Float64Array, topP: number): number {
  const sorted = weights.toSorted();
  const enough = topP * weights.reduce((sum, weight) => sum + weight, 0);
  let sum = 0;
  for (let count = 1; count < sorted.length; count++) {
    sum += sorted[sorted.length - count] ?? 0;
    if (sum >= enough) return count;
  }
  return sorted.length;
}

/**
 * Text of a model or a file made safe and visible: control characters, escape sequences and invisible characters, which may
 * reorder a line, are shown as \x1b or \u{202e}. Line breaks and tabs stay.
 */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, "0")}` : `\\u{${code}}`;
  });
}
