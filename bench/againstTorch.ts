/** One measurement: two processes with the same weights and batches, compared first, then timed in turn. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { calm, rest, watched } from "../compiler/bench/machine.js";
import { Side } from "../compiler/bench/side.js";
import type { Built } from "../compiler/build.js";
import { fail } from "../compiler/diagnostics.js";
import { root } from "../compiler/package.js";
import { type Comparison, type Duel, largest, type Round, summarize, type TorchFacts } from "./againstTorchReport.js";
import type { StepsFacts, StepsOptions } from "./steps.js";

export interface DuelOptions {
  built: Built;
  /** A Python that has torch. */
  python: string;
  threads: number;
  /** Rounds to count, and steps of each side in a round. */
  rounds: number;
  steps: number;
  /** The largest share of the processors that other programs may have had in a round that counts. */
  quiet: number;
  /** Seconds after which disturbed rounds are taken as they are. */
  patience: number;
  note: (text: string) => void;
}

const batches = 8;
const warmup = 5;
/** PyTorch and mlac must do the same: nats, and norm of the difference of a gradient over its norm. */
const limits = { loss: 1e-4, gradient: 1e-3 };

/** Errors: run/side (with what the process said), run/other-model. */
export async function duel(options: DuelOptions): Promise<Duel> {
  const { built, python, threads, quiet } = options;
  const { plan, sizes, memory, parameters } = built.manifest;
  const exchange = mkdtempSync(join(tmpdir(), "mlac-torch-"));
  const sides: Side[] = [];
  try {
    const asked: StepsOptions = { directory: built.directory, threads, exchange, batches };
    const ours = await Side.start<StepsFacts>("mlac", [process.execPath, join(import.meta.dirname, "steps.js"), JSON.stringify(asked)]);
    sides.push(ours.side);
    const given = {
      sizes,
      layers: parameters.find(({ stacked }) => stacked > 0)?.shape[0] ?? 0,
      threads,
      muon: rateOf(built, "weight"),
      adamw: rateOf(built, "embedding"),
      clip: plan.clip,
      weights: join(exchange, "weights.safetensors"),
      batches: join(exchange, "batches.safetensors"),
      serve: true,
    };
    const theirs = await Side.start<TorchFacts>("PyTorch", [python, join(root, "bench/torch/tiny.py"), JSON.stringify(given)]);
    sides.push(theirs.side);
    const compared = await compare(ours.facts, theirs.side, join(exchange, "gradients.safetensors"));
    const rounds = await alternate(ours.side, theirs.side, options);
    return { threads, pytorch: theirs.facts, compared, ...summarize(rounds, quiet, sizes, memory.total), rounds };
  } finally {
    for (const side of sides) await side.close();
    rmSync(exchange, { recursive: true, force: true });
  }
}

function rateOf(built: Built, group: string): { lr: number; weightDecay: number } {
  const found = Object.values(built.manifest.plan.optimizer).find((settings) => settings.group === group);
  return found ?? fail("run/plan", `examples/tiny has no parameters of the group ${group}`);
}

async function compare(ours: StepsFacts, torch: Side, gradients: string): Promise<Comparison> {
  const theirs = await torch.ask<{ loss: number; balance: number; gradients: Record<string, number> }>({ compare: gradients });
  const worst = largest(theirs.gradients);
  const difference = Math.max(Math.abs(ours.loss - theirs.loss), Math.abs(ours.balance - theirs.balance));
  if (!(difference <= limits.loss && worst.error <= limits.gradient)) {
    const by = `losses differ by ${difference}, the gradient of ${worst.name} by ${worst.error} of its norm`;
    fail("run/other-model", `mlac and PyTorch do not compute the same: ${by}`, {
      help: "bench/torch/model.py must follow examples/tiny/model.ts",
    });
  }
  return { loss: ours.loss, torchLoss: theirs.loss, difference, gradient: worst };
}

/** Rounds of each side in turn, until enough were undisturbed or patience is at its end. */
async function alternate(ours: Side, theirs: Side, { rounds: wanted, steps, quiet, patience, note }: DuelOptions): Promise<Round[]> {
  const end = performance.now() + 1000 * patience;
  const rounds: Round[] = [];
  const counted = (): number => rounds.filter(({ others }) => others <= quiet).length;
  // The warm-up also holds the first steps' losses against each other: it is the same training, optimizer and all.
  const first = { mlac: await ours.steps(warmup), torch: await theirs.steps(warmup) };
  const apart = Math.max(...first.mlac.losses.map((loss, i) => Math.abs(loss - (first.torch.losses[i] ?? Number.NaN))));
  note(`in the first ${warmup} steps, the losses differ by ${apart.toExponential(1)} at most`);
  const one = async (side: Side) => {
    await rest(300); // threads that spin for work are asleep by then
    return watched(
      () => side.steps(steps),
      ({ cpuSeconds }) => cpuSeconds,
    );
  };
  while (counted() < wanted && (rounds.length < wanted || performance.now() < end)) {
    await calm(quiet, end);
    const mlac = await one(ours);
    const torch = await one(theirs);
    const others = Math.max(mlac.others, torch.others);
    rounds.push({ mlac: mlac.result, torch: torch.result, others });
    const verdict = others <= quiet ? `counted, ${counted()} of ${wanted}` : "not counted";
    note(`round ${rounds.length}: other programs took ${(100 * others).toFixed(0)} % of the processors; ${verdict}`);
  }
  return rounds;
}
