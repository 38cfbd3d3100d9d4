// biome-ignore-all lint/suspicious/noExplicitAny: any stands for a shape or a type that does not matter or is not known
/** Sizes, parameters, and the blocks that hold them. */
import type { Checked, MatrixShape, TableShape, VectorShape } from "./shape.js";
import type { Bias, Embedding, Gain, Router, Weight } from "./values.js";

/**
 * Names the sizes of the model. The result is an ordinary constant object: `sizes.T` is a number known at compile time.
 * Each size is a whole number from 1; a size that no parameter of the model uses may be 0.
 */
export declare function dims<const D extends { readonly [name: string]: number }>(sizes: D): D;

// ---- parameters

/** How a parameter begins. */
export interface Start {
  /** Standard deviation of the normal distribution it is drawn from. Default: see the parameter. */
  readonly std?: number;
}

/**
 * A matrix by what it reads and what it writes: `weight("D -> H N")` makes [… H N] out of [… D];
 * `weight("E: D -> F")` is one matrix for each of E experts. Stored as [E, reads, writes]; y = x · w.
 * Begins normally distributed with standard deviation `std`, by default 1 / sqrt(number of values it reads).
 * Its kind in the training plan is `weight`.
 */
export declare function weight<const W extends string>(shape: MatrixShape<W>, start?: Start): Weight<Checked<W, MatrixShape<W>>>;

/**
 * The matrix that scores experts: `router("D -> E")`. Begins normally distributed with standard
 * deviation `std`, by default 0.02. Its kind in the training plan is `router`.
 */
export declare function router<const W extends string>(
  shape: TableShape<W, RouterSentence>,
  start?: Start,
): Router<Checked<W, TableShape<W, RouterSentence>>>;
type RouterSentence = '✗ router: say what it reads and what the experts are called, as in "D -> E"';

/**
 * A table with a row for each token: `embedding("V -> D")`, stored as [V, D]. Use one twice to tie input and output.
 * Begins normally distributed with standard deviation `std`, by default 0.02. Its kind in the training plan is `embedding`.
 */
export declare function embedding<const W extends string>(
  shape: TableShape<W, EmbeddingSentence>,
  start?: Start,
): Embedding<Checked<W, TableShape<W, EmbeddingSentence>>>;
type EmbeddingSentence = '✗ embedding: say what it has a row for and how wide it is, as in "V -> D"';

/** One factor for each place of a dimension: `gain("D")`, `gain("N+R")`. Begins at 1. Its kind is `gain`: AdamW without decay. */
export declare function gain<const S extends string>(over: VectorShape<S, "gain">): Gain<Checked<S, VectorShape<S, "gain">>>;

/** One summand for each place of a dimension: `bias("D")`. Begins at 0. Its kind is `bias`: AdamW without decay. */
export declare function bias<const S extends string>(over: VectorShape<S, "bias">): Bias<Checked<S, VectorShape<S, "bias">>>;

// ---- blocks

declare const contents: unique symbol;
declare const repeated: unique symbol;

/** Parameters by name, and the function over them. `P` are the parameters, `A` the function's other arguments, `R` its result. */
export interface Block<P, A extends readonly unknown[], R> {
  readonly [contents]: { readonly parameters: P; readonly body: (...inputs: A) => R };
}

/** Several blocks alike, one after the other, each with parameters of its own. */
export interface Stack<B> {
  readonly [repeated]: B;
}

export type Parameter = Weight<any> | Router<any> | Embedding<any> | Gain<any> | Bias<any> | Block<any, any, any> | Stack<any>;

/** What the body of a block gets: its parameters as they are, its blocks as functions, its stacks as something to loop over. */
export type Use<P> = { readonly [K in keyof P]: Used<P[K]> };
type Used<V> = [V] extends [Block<any, infer A, infer R>] ? (...inputs: A) => R : [V] extends [Stack<infer B>] ? Iterable<Used<B>> : V;

/**
 * A piece of a model: its parameters, and what it does with them and its inputs.
 *
 * ```ts
 * const FeedForward = block({ up: weight("D -> W"), down: weight("W -> D") }, (p, x: Tensor<"B T D">) =>
 *   linear(silu(linear(x, p.up)), p.down));
 * ```
 * A block among the parameters of another is called like a function: `p.feedForward(x)`. A parameter's full name is the path
 * to it: `layers.3.feedForward.up`. Name the type of every input; the type of the result follows.
 */
export declare function block<const P extends { readonly [name: string]: Parameter }, A extends readonly unknown[], R>(
  parameters: P,
  body: (p: Use<P>, ...inputs: A) => R,
): Block<P, A, R>;

/**
 * `count` blocks alike, each with parameters of its own: `stack(12, Layer)`. In the body of the block that holds it:
 * `for (const layer of p.layers) x = layer(x);`. The loop stays a loop in the code that mlac writes.
 * `count` is a whole number known at compile time; with 0 the loop is left out.
 */
export declare function stack<B extends Block<any, any, any>>(count: number, block: B): Stack<B>;
