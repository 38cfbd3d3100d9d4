/** What moves the parameters. */

declare const name: unique symbol;
export interface Muon {
  readonly [name]: "muon";
}
export interface AdamW {
  readonly [name]: "adamw";
}
export type Optimizer = Muon | AdamW;

/**
 * Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon; scaling of Liu et al. 2025, arXiv 2502.16982), for matrices. With g the gradient:
 * m = momentum · m + (1 - momentum) · g; u = (1 - momentum) · g + momentum · m; u is made near orthogonal by Newton-Schulz steps
 * (3.4445, -4.7750, 2.0315); then w = w · (1 - lr · weightDecay) - lr · 0.2 · sqrt(max(rows, columns)) · u.
 *
 * Rows are what the weight reads, columns what it writes; with a matrix for each expert, each is moved by itself.
 * - `lr`: learning rate, about that of AdamW thanks to the factor 0.2 · sqrt(…).
 * - `momentum`: 0.95 by default. `weightDecay`: 0 by default. `steps`: Newton-Schulz steps, 5 by default.
 */
export declare function muon(options: {
  readonly lr: number;
  readonly momentum?: number;
  readonly weightDecay?: number;
  readonly steps?: number;
}): Muon;

/**
 * AdamW (Loshchilov and Hutter 2019, arXiv 1711.05101), bias-corrected. Decay does not apply to gains and biases.
 *
 * - `lr`: learning rate. `betas`: [0.9, 0.95] by default. `eps`: 1e-8 by default. `weightDecay`: 0 by default.
 */
export declare function adamw(options: {
  readonly lr: number;
  readonly betas?: readonly [number, number];
  readonly eps?: number;
  readonly weightDecay?: number;
}): AdamW;
