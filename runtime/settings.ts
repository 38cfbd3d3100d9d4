/** What one training run does: model.ts's plan, with what the command line says in its place. */
import { fail, MlacError } from "../compiler/diagnostics.js";
import type { TrainingPlan } from "../compiler/plan.js";
import { checkSchedule, type Schedule } from "./schedule.js";

/** What the command line can say; kept in every checkpoint, so that a resumed run need not be told again. */
export interface Overrides {
  steps?: number;
  seed?: number;
  accumulate?: number;
  /** Multiplies all learning rates. */
  lrScale?: number;
  evaluateEvery?: number;
  checkpointEvery?: number;
  /** false: no samples. */
  sample?: boolean;
  /** false: no report.html, no TensorBoard events. */
  report?: boolean;
  tensorboard?: boolean;
  /** In place of the plan's training and validation data. */
  data?: string;
  validation?: string;
}

export interface Settings {
  steps: number;
  seed: number;
  accumulate: number;
  clip: number;
  lrScale: number;
  schedule: Schedule;
  data: { train: string; validation?: string; tokenizer: string };
  /** Steps between two, and batches of each. */
  evaluate: { every: number; batches: number };
  sample?: { every: number; prompt: string; tokens: number };
  checkpoint: { every: number; keep: number };
  report: boolean;
  tensorboard: boolean;
}

/** Errors: data/missing, plan/steps, plan/schedule. */
export function settingsOf(plan: TrainingPlan, overrides: Overrides): Settings {
  const steps = overrides.steps ?? plan.steps;
  if (!(steps >= 1)) fail("plan/steps", `the training has ${steps} steps; it needs at least 1`);
  const schedule = fitting(plan.schedule, plan.steps, steps);
  checkSchedule(schedule, steps);
  const evaluate = plan.evaluate ?? { every: Math.max(1, Math.round(steps / 10)), batches: 16 };
  const checkpoint = plan.checkpoint ?? { every: Math.max(100, Math.round(steps / 10)), keep: 2 };
  return {
    steps,
    seed: overrides.seed ?? plan.seed,
    accumulate: overrides.accumulate ?? plan.accumulate,
    clip: plan.clip,
    lrScale: overrides.lrScale ?? 1,
    schedule,
    data: dataOf(plan, overrides),
    evaluate: { ...evaluate, every: overrides.evaluateEvery ?? evaluate.every },
    ...(plan.sample && overrides.sample !== false ? { sample: plan.sample } : {}),
    checkpoint: { ...checkpoint, every: overrides.checkpointEvery ?? checkpoint.every },
    report: overrides.report ?? true,
    tensorboard: overrides.tensorboard ?? true,
  };
}

/** For a shorter run than the plan's: a warm-up and a decay that are too long for it are shortened in proportion. */
function fitting(schedule: Schedule, planned: number, steps: number): Schedule {
  try {
    checkSchedule(schedule, steps);
    return schedule;
  } catch (error) {
    if (!(error instanceof MlacError) || steps >= planned) throw error;
    const shorter = (length: number): number => (length < 1 ? length : Math.floor((length * steps) / planned));
    const { warmup = 0, decay } = schedule;
    return { ...schedule, warmup: shorter(warmup), ...(decay === undefined ? {} : { decay: shorter(decay) }) };
  }
}

function dataOf(plan: TrainingPlan, overrides: Overrides): Settings["data"] {
  const train =
    overrides.data ??
    plan.data?.train ??
    fail("data/missing", "there is nothing to train on: the plan in model.ts has no data", {
      help: 'say data: { train: "brown", tokenizer: "byte" } in its train({ … }), or give --data',
    });
  // Brown's own validation part goes with Brown, and with nothing else: the plan's does not fit other data either.
  const planned = overrides.data === undefined ? plan.data?.validation : undefined;
  const validation = overrides.validation ?? planned ?? (train === "brown" ? "brown" : undefined);
  return { train, ...(validation === undefined ? {} : { validation }), tokenizer: plan.data?.tokenizer ?? "byte" };
}
