/** How good the model is, by data it was not trained on, and how it uses its experts. */
import type { Batches } from "./batches.js";
import { type LoadSummary, summarizeLoad } from "./metrics.js";
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
 * Undefined when `stopped` says so half-way.
 */
export async function evaluate(
  session: Session,
  data: Batches,
  batches: number,
  tokenizer: Tokenizer,
  stopped: () => boolean = () => false,
): Promise<Evaluation | undefined> {
  data.rewind();
  const count = Math.max(1, Math.min(batches, Math.floor(data.windows / session.batch)));
  const bytes = new ByteCounter(tokenizer);
  let sum = 0;
  for (let i = 0; i < count; i++) {
    if (stopped()) return undefined;
    const { tokens, targets } = data.next();
    sum += (await session.evaluate(tokens, targets)).loss;
    bytes.add(targets);
  }
  const loss = sum / count;
  const bitsPerByte = bytes.bitsPerByte(loss);
  return { loss, ...(bitsPerByte === undefined ? {} : { bitsPerByte }) };
}

/** How evenly each layer of experts was used in the last step; undefined for a model without experts. */
export async function expertLoads(session: Session): Promise<Record<string, LoadSummary> | undefined> {
  const summaries: Record<string, LoadSummary> = {};
  for (const name of session.manifest.loads) {
    const numbers = await session.numbers(name);
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
