/** The training plan: what `export default train(Model, { … })` says, checked and with every default filled in. Plain data. */
export interface TrainingPlan {
  /** Every named size, those that no parameter uses among them. */
  sizes: Record<string, number>;
  /** Optimizer steps in all. */
  steps: number;
  seed: number;
  /** Micro-batches whose gradients are averaged before each step. */
  accumulate: number;
  /** The gradients' largest norm, all taken together; 0: no limit. */
  clip: number;
  /** What moves each parameter, by its path. Every trained parameter has exactly one. */
  optimizer: Record<string, GroupSettings>;
  /** State that the experts' loads move: b += rate · sign(mean load − load). */
  expertBias: ExpertBias[];
  schedule: Schedule;
  data?: Data;
  evaluate?: { every: number; batches: number };
  sample?: { every: number; prompt: string; tokens: number };
  checkpoint?: { every: number; keep: number };
  /** Fusion choices by name; what is left out, mlac chooses. */
  fuse: Record<string, string>;
}

/** `group` is the key in the plan's `optimizer` that put the parameter here: a kind, or a path with stars. */
export type GroupSettings = (MuonSettings | AdamWSettings) & { group: string };

export interface MuonSettings {
  is: "muon";
  lr: number;
  momentum: number;
  weightDecay: number;
  /** Newton-Schulz steps. */
  steps: number;
}

export interface AdamWSettings {
  is: "adamw";
  lr: number;
  betas: readonly [number, number];
  eps: number;
  /** 0 for gains and biases, whatever their group says. */
  weightDecay: number;
}

export interface ExpertBias {
  /** The state parameter's path: the router's, with Bias at its end. */
  path: string;
  rate: number;
  /** The graph output that moves it. */
  load: string;
}

/** `warmup` and `decay` are a number of steps (1 or more) or a share of all steps (below 1); `floor` is the factor at the end. */
export interface Schedule {
  kind: "constant" | "cosine" | "wsd";
  warmup: number;
  /** For wsd only. */
  decay?: number;
  /** For cosine and wsd. */
  floor?: number;
}

export interface Data {
  train: string;
  validation?: string;
  tokenizer: string;
}
