/** The same model in PyTorch, step by step in turn: the same weights, the same batch, and gradients that are compared first. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { choicesFor } from "../compile.js";
import { fail, MlacError } from "../diagnostics.js";
import { root } from "../package.js";
import type { Bench } from "./context.js";
import { rest, watched } from "./machine.js";
import { startWorker } from "./measure.js";
import { Side, type Steps } from "./side.js";
import { type Spread, spread } from "./statistics.js";
import { torchProgram } from "./torchProgram.js";
import { variantOf } from "./variants.js";
import type { Question } from "./worker.js";

export interface TorchFacts {
  /** "2.11.0+cu130" */
  torch: string;
  python: string;
  /** compiled or eager. */
  mode: string;
}

export interface AgainstTorch {
  facts: TorchFacts;
  compared: { loss: number; torchLoss: number; gradients: number; worst: { name: string; error: number } };
  mlac: SideTimes;
  torch: SideTimes;
  /** PyTorch's time over mlac's, of each round. */
  ratio: Spread;
  /** The share of the processors that other programs had. */
  others: number;
}

export interface SideTimes {
  step: Spread;
  gradients: Spread;
  update: Spread;
  tokensPerSecond: number;
  /** What it took at most: of the process, or of the GPU's memory. */
  peakBytes: number | null;
}

/** PyTorch and mlac must do the same: nats, and norm of the gradients' difference. In bf16 a token may go to another expert. */
const limits = { cpu: { loss: 1e-4, gradients: 1e-3 }, cuda: { loss: 0.03, gradients: 0.25 } } as const;
const warm = 3;

/** Errors: tool/torch (no Python that has it), run/side (with what the process said), run/other-model. */
export async function againstTorch(bench: Bench, asked: string | undefined): Promise<AgainstTorch> {
  const { build, model, threads, rounds, note, make, place } = bench;
  const python = findPython(asked);
  const cuda = build.target === "cuda";
  const choices = choicesFor(build, model);
  const { measured: _, ...plain } = build;
  const built = await make({ ...plain, fuse: { ...choices }, out: place("model") });
  const folder = mkdtempSync(join(tmpdir(), "mlac-torch-"));
  const sides: Side[] = [];
  try {
    const ours = await startWorker(built.directory, threads);
    sides.push(ours);
    note("handing weights, a batch and its gradients to PyTorch");
    const losses = await ours.ask<{ loss: number; balance: number }>({ exchange: folder } satisfies Question);
    const memory = async (): Promise<number | null> =>
      (await ours.ask<{ bytes: number | null }>({ memory: true } satisfies Question)).bytes;
    // A GPU says what is in use on it, by whomever: before PyTorch is there. A process has had the most at its end.
    const onGpu = cuda ? await memory() : null;
    writeFileSync(join(folder, "program.json"), JSON.stringify(torchProgram(model, built.manifest)));
    const command = [python, join(root, "bench/torch/peer.py"), JSON.stringify({ folder, cuda, threads })];
    const { side: theirs, facts } = await Side.start<TorchFacts>("PyTorch", command);
    sides.push(theirs);
    note(`PyTorch ${facts.torch}, ${facts.mode}: its first step takes a while`);
    const compared = await theirs.ask<{ loss: number; gradients: number; worst: { name: string; error: number } }>({
      compare: join(folder, "gradients.safetensors"),
    });
    check(losses.loss, compared, limits[build.target]);
    await ours.ask<Steps>({ warm } satisfies Question);
    await theirs.steps(warm);
    // On the processor, threads that spin for work are asleep by then.
    const turn = async (side: Side): Promise<Steps> => {
      if (!cuda) await rest(300);
      return side.steps(1);
    };
    const taken: { mlac: Steps; torch: Steps }[] = [];
    const { others } = await watched(
      async () => {
        for (let round = 0; round < rounds; round++) {
          const mlac = await turn(ours);
          taken.push({ mlac, torch: await turn(theirs) });
        }
      },
      () => taken.reduce((n, { mlac, torch }) => n + mlac.cpuSeconds + torch.cpuSeconds, 0),
    );
    const bytes = onGpu ?? (await memory());
    const planned = variantOf(build, model, choices, threads).planBytes;
    const tokens = built.manifest.tokens.batch * built.manifest.tokens.length;
    const all = (name: "mlac" | "torch"): Steps[] => taken.map((round) => round[name]);
    return {
      facts,
      compared: { ...compared, loss: losses.loss, torchLoss: compared.loss },
      mlac: timesOf(all("mlac"), tokens, bytes ?? planned),
      torch: timesOf(all("torch"), tokens, Math.max(...all("torch").map(({ peakBytes }) => peakBytes))),
      ratio: spread(taken.map(({ mlac, torch }) => whole(torch) / whole(mlac))),
      others: cuda ? 0 : others,
    };
  } finally {
    for (const side of sides) await side.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const sum = (parts: readonly number[]): number => parts.reduce((a, b) => a + b, 0);
const whole = ({ ms }: Steps): number => sum(ms.map(sum)) / ms.length;

function timesOf(rounds: readonly Steps[], tokens: number, peakBytes: number): SideTimes {
  const step = spread(rounds.map(whole));
  const part = (i: number): Spread => spread(rounds.flatMap(({ ms }) => ms.map((parts) => parts[i] ?? Number.NaN)));
  return { step, gradients: part(0), update: part(1), tokensPerSecond: (1000 * tokens) / step.median, peakBytes };
}

function check(
  loss: number,
  theirs: { loss: number; gradients: number; worst: { name: string } },
  limit: { loss: number; gradients: number },
): void {
  const apart = Math.abs(loss - theirs.loss);
  if (apart <= limit.loss && theirs.gradients <= limit.gradients) return;
  const by = `losses differ by ${apart.toPrecision(3)}, all gradients by ${theirs.gradients.toPrecision(3)} of their norm, ${theirs.worst.name} the most`;
  fail("run/other-model", `mlac and PyTorch do not compute the same: ${by}`, {
    help: "this is mlac's fault, or PyTorch's: please report it with the model; `mlac verify` checks a GPU's kernels",
  });
}

/** The first Python that has PyTorch. Errors: tool/torch. */
export function findPython(asked?: string): string {
  const candidates = asked === undefined ? ["python3", "/usr/bin/python3"] : [asked];
  for (const candidate of candidates)
    try {
      execFileSync(candidate, ["-c", "import torch, numpy"], { stdio: "ignore" });
      return candidate;
    } catch {
      // The next one may have it.
    }
  const diagnostic = {
    slug: "tool/torch",
    message: `no Python with torch and numpy is found: tried ${candidates.join(" and ")}`,
    frames: [],
    help: "install them (pip install torch numpy; Debian, Ubuntu: apt-get install python3-torch), or name a Python that has them with --python",
  };
  throw new MlacError([diagnostic], 2);
}
