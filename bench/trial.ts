/** One short training run, looked at through its validation loss alone. */
import type { Built } from "../compiler/build.js";
import { evaluate } from "../runtime/evaluation.js";
import { rateAt } from "../runtime/schedule.js";
import { openSession } from "../runtime/session.js";
import { settingsOf } from "../runtime/settings.js";
import { openTrainingData } from "../runtime/trainingData.js";

export interface Point {
  step: number;
  /** Of the validation data, nats a token. */
  loss: number;
}

export interface Trial {
  optimizer: "muon" | "adamw";
  /** Learning rate of the weights. */
  rate: number;
  seed: number;
  curve: Point[];
  /** The last of the curve; not a number for a run that diverged. */
  final: number;
  /** Of a step without the evaluations: the median. */
  stepMs: number;
}

export interface TrialOptions {
  built: Built;
  optimizer: "muon" | "adamw";
  rate: number;
  seed: number;
  steps: number;
  threads: number;
}

/** Same seed: same weights before the first step, and the same batches in the same order. */
export async function runTrial({ built, optimizer, rate, seed, steps, threads }: TrialOptions): Promise<Trial> {
  const settings = settingsOf(built.manifest.plan, { steps, seed });
  const session = await openSession(built, { threads });
  const data = await openTrainingData(settings, session, () => undefined);
  const curve: Point[] = [];
  const times: number[] = [];
  try {
    await session.initialize(seed);
    for (let step = 1; step <= steps; step++) {
      const { tokens, targets } = data.train.next();
      const started = performance.now();
      const { loss } = await session.microStep(tokens, targets, 1, true);
      await session.update(step, rateAt(settings.schedule, step, steps), settings.clip);
      times.push(performance.now() - started);
      if (!Number.isFinite(loss)) break;
      if (step % settings.evaluate.every !== 0 && step !== steps) continue;
      const found = data.validation && (await evaluate(session, data.validation, settings.evaluate.batches, data.tokenizer));
      if (found) curve.push({ step, loss: found.loss });
    }
  } finally {
    data.close();
    await session.close();
  }
  const last = curve.at(-1);
  times.sort((a, b) => a - b);
  return {
    optimizer,
    rate,
    seed,
    curve,
    final: last?.step === steps ? last.loss : Number.NaN,
    stepMs: times[times.length >> 1] ?? Number.NaN,
  };
}

/** The step at which the curve first is as low as `loss`, between two points on the straight line; undefined when it never is. */
export function stepsTo(curve: readonly Point[], loss: number): number | undefined {
  const at = curve.findIndex((point) => point.loss <= loss);
  const [here, before] = [curve[at], curve[at - 1]];
  if (here === undefined || before === undefined) return here?.step;
  return before.step + ((here.step - before.step) * (before.loss - loss)) / (before.loss - here.loss);
}
