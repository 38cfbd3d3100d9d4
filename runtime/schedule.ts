/** The factor on all learning rates at a step: `constant`, `cosine` and `wsd` of dsl/schedule.ts. */
import { fail } from "../compiler/diagnostics.js";

/** `warmup` and `decay` are a number of steps (1 or more) or a share of all steps (below 1). */
export interface Schedule {
  readonly kind: "constant" | "cosine" | "wsd";
  readonly warmup?: number;
  /** Only for wsd, which needs it. */
  readonly decay?: number;
  /** The factor at the last step; 0 by default. Not for constant. */
  readonly floor?: number;
}

/** The factor of `step`, which counts from 1, out of `steps`; 0 to 1. After the last step it stays what it was there. */
export function rateAt(schedule: Schedule, step: number, steps: number): number {
  const warmup = inSteps(schedule.warmup ?? 0, steps);
  const floor = schedule.floor ?? 0;
  const now = Math.min(step, steps);
  if (now < warmup) return now / warmup;
  if (schedule.kind === "constant") return 1;
  if (schedule.kind === "cosine") return floor + ((1 - floor) * (1 + Math.cos(Math.PI * share(now - warmup, steps - warmup)))) / 2;
  const decay = inSteps(schedule.decay ?? 0, steps);
  return floor + (1 - floor) * (1 - share(now - (steps - decay), decay));
}

/** How far `done` is on the way from 0 to `whole`. A way of no length is all still ahead, so that a warm-up to the end stays at 1. */
const share = (done: number, whole: number): number => (whole > 0 ? Math.min(1, Math.max(0, done / whole)) : 0);

const inSteps = (given: number, steps: number): number => (given < 1 ? Math.round(given * steps) : given);

/** Errors: plan/schedule, when the schedule does not fit into `steps`. */
export function checkSchedule(schedule: Schedule, steps: number): void {
  const { kind, warmup = 0, decay, floor = 0 } = schedule;
  for (const [name, value] of [["warmup", warmup] as const, ["decay", decay ?? 0] as const])
    if (!(value >= 0) || (value >= 1 && !Number.isInteger(value)))
      fail("plan/schedule", `${kind}: ${name} is ${value}; it must be a whole number of steps, or a share of all steps below 1`);
  if (!(floor >= 0 && floor <= 1)) fail("plan/schedule", `${kind}: floor is ${floor}; it must be between 0 and 1`);
  if (kind === "wsd" && decay === undefined) fail("plan/schedule", "wsd needs decay: a number of steps, or a share of all steps");
  const used = inSteps(warmup, steps) + inSteps(decay ?? 0, steps);
  if (used > steps)
    fail("plan/schedule", `${kind}: warmup and decay take ${used} steps; the training has ${steps}`, {
      help: "give them as shares of all steps: warmup: 0.1, decay: 0.3",
    });
}
