/** How good the model is, by data it was not trained on, and how it uses its experts. */
import type { Batches } from "./batches.js";
import { type LoadSummary, summarizeLoad } from "./metrics.js";
import { alone, type Group } from "./ranks/group.js";
import type { Session } from "./session.js";
import { ByteCounter, type Tokenizer } from "./tokenizers.js";

export interface Evaluation {
  /** Mean cross entropy, nats a token. */
  loss: number;
  /** The same per byte of text, in bits: comparable between tokenizers. */
  bitsPerByte?: number;
}

/**
 * The mean over the first `batches` batches of the validation data, or over one pass where that is less; always the same ones.
 * Undefined when `stopped` says so half-way, which one process may. Ranks share the batches out; each has a place of its own in
 * the sum, so that its bits do not depend on their number.
 */
export async function evaluate(
  session: Session,
  data: Batches,
  batches: number,
  tokenizer: Tokenizer,
  group: Group = alone,
  stopped: () => boolean = () => false,
): Promise<Evaluation | undefined> {
  const { rank, size } = group;
  data.rewind();
  const count = Math.max(1, Math.min(batches, Math.floor(data.windows / session.batch)));
  const bytes = new ByteCounter(tokenizer);
  const losses = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    if (size === 1 && stopped()) return undefined;
    const { tokens, targets } = data.next();
    if (i % size === rank) losses[i] = (await session.evaluate(tokens, targets)).loss;
    bytes.add(targets);
  }
  await group.sum(session, losses);
  const loss = losses.reduce((sum, one) => sum + one, 0) / count;
  const bitsPerByte = bytes.bitsPerByte(loss);
  return { loss, ...(bitsPerByte === undefined ? {} : { bitsPerByte }) };
}

/** How evenly each layer of experts was used by the last micro-batch of each rank; undefined for a model without experts. */
export async function expertLoads(session: Session, group: Group = alone): Promise<Record<string, LoadSummary> | undefined> {
  const summaries: Record<string, LoadSummary> = {};
  for (const name of session.manifest.loads) {
    const numbers = Float64Array.from(await session.numbers(name));
    await group.sum(session, numbers);
    const shape = session.tensors().find((tensor) => tensor.name === name)?.shape ?? [];
    const experts = shape.at(-1) ?? numbers.length;
    const layers = numbers.length / experts;
    const path = name.replace(/^load\./, "");
    for (let layer = 0; layer < layers; layer++) {
      const key = shape.length > 1 ? `${path}.${layer}` : path;
      summaries[key] = summarizeLoad(numbers.subarray(layer * experts, (layer + 1) * experts));
    }
  }
  return Object.keys(summaries).length > 0 ? summaries : undefined;
}

/** validation loss 1.2345, 1.781 bits/byte */
export function describe({ loss, bitsPerByte }: Evaluation): string {
  return `validation loss ${loss.toFixed(4)}${bitsPerByte === undefined ? "" : `, ${bitsPerByte.toFixed(3)} bits/byte`}`;
}
