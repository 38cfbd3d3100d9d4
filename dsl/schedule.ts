/**
 * What all learning rates are multiplied by over the steps, from 0 to 1.
 *
 * `warmup` and `decay` are a number of steps (1 or more) or a share of all steps (below 1). `floor` is the factor at the end.
 * The first `warmup` steps rise in a straight line: step s of w has the factor s / w.
 */

declare const schedule: unique symbol;
export interface Schedule {
  readonly [schedule]: true;
}

/** 1 after the warm-up. `warmup` is 0 by default. */
export declare function constant(options?: { readonly warmup?: number }): Schedule;

/** After the warm-up half a cosine from 1 down to `floor` at the last step. `warmup` and `floor` are 0 by default. */
export declare function cosine(options?: { readonly warmup?: number; readonly floor?: number }): Schedule;

/** Warm-up, stable, decay: 1 until the last `decay` steps, which go down to `floor` in a straight line. `warmup` and `floor` are 0 by default. */
export declare function wsd(options: { readonly warmup?: number; readonly decay: number; readonly floor?: number }): Schedule;
