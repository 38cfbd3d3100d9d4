/** All that a bench found out: what --json prints, and what tables and the page are made of. */
import type { Ceilings } from "./ceilings.js";
import type { Claim } from "./claims.js";
import type { KernelTable } from "./kernels.js";
import type { Growth } from "./scaling.js";
import type { StaticRow } from "./static.js";
import type { Study } from "./study.js";
import type { AgainstTorch } from "./torch.js";

export interface BenchResult {
  format: 1;
  mlac: string;
  date: string;
  model: string;
  target: string;
  dtype: string;
  device: string;
  /** Of the CPU target. */
  threads: number;
  rounds: number;
  /** The share of the processors that other programs might have. */
  quiet: number;
  sizes: Record<string, number>;
  set: Record<string, string>;
  choices?: Study;
  /** Where the winners are kept; absent where there are none to keep. */
  kept?: string;
  /** Why they are not. */
  notKept?: string;
  kernels?: KernelTable & { fuse: Record<string, string> };
  ceilings?: Ceilings;
  /** Why there are none. */
  noCeilings?: string;
  scaling?: Growth[];
  torch?: AgainstTorch;
  claims?: Claim[];
  /** Of the CUDA target, where no GPU is here. */
  cuda?: { rows: StaticRow[] };
  /** There was no time for all: run it again. */
  unfinished: boolean;
}
