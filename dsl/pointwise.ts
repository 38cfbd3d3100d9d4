/**
 * Operations on each number by itself. Two arguments must have the same shape: nothing is repeated or stretched to fit.
 * They work in functions over any shape, too: `const gelu = <S extends string>(x: Tensor<S>) => mul(…)`.
 */
import type { Tensor } from "./values.js";

type Same<Op extends string, A extends string, B extends string> = [B] extends [A]
  ? Tensor<B>
  : string extends B
    ? Tensor<NoInfer<A>>
    : `✗ ${Op}: [${A}] and [${B}] differ`;

/** a + b. */
export declare function add<A extends string, B extends string>(a: Tensor<A>, b: Same<"add", A, B>): Tensor<A>;

/** a - b. */
export declare function sub<A extends string, B extends string>(a: Tensor<A>, b: Same<"sub", A, B>): Tensor<A>;

/** a · b, number by number. */
export declare function mul<A extends string, B extends string>(a: Tensor<A>, b: Same<"mul", A, B>): Tensor<A>;

/** a / b, number by number. Division by zero gives an infinity, as everywhere. */
export declare function div<A extends string, B extends string>(a: Tensor<A>, b: Same<"div", A, B>): Tensor<A>;

/** silu(gate) · up: the gated unit of Shazeer 2020 (arXiv 2002.05202), between the matrices of a feed-forward block. */
export declare function swiglu<A extends string, B extends string>(gate: Tensor<A>, up: Same<"swiglu", A, B>): Tensor<A>;

/** x · by, with `by` a number known at compile time. */
export declare function scale<S extends string>(x: Tensor<S>, by: number): Tensor<S>;

/** x + by, with `by` a number known at compile time. */
export declare function shift<S extends string>(x: Tensor<S>, by: number): Tensor<S>;

/** -x. */
export declare function neg<S extends string>(x: Tensor<S>): Tensor<S>;

/** e to the x. */
export declare function exp<S extends string>(x: Tensor<S>): Tensor<S>;

/** Natural logarithm; x > 0. */
export declare function log<S extends string>(x: Tensor<S>): Tensor<S>;

/** Square root; x ≥ 0, and its gradient needs x > 0. */
export declare function sqrt<S extends string>(x: Tensor<S>): Tensor<S>;

/** x². */
export declare function square<S extends string>(x: Tensor<S>): Tensor<S>;

/** (e^x - e^-x) / (e^x + e^-x), between -1 and 1. */
export declare function tanh<S extends string>(x: Tensor<S>): Tensor<S>;

/** 1 / (1 + e^-x), between 0 and 1. */
export declare function sigmoid<S extends string>(x: Tensor<S>): Tensor<S>;

/** x · sigmoid(x). */
export declare function silu<S extends string>(x: Tensor<S>): Tensor<S>;

/** x where x > 0, otherwise 0. */
export declare function relu<S extends string>(x: Tensor<S>): Tensor<S>;
