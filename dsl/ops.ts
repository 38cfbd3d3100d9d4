// biome-ignore-all lint/suspicious/noExplicitAny: any stands for a shape or a type that does not matter or is not known
/** Operations that know about dimensions. A wrong shape is an error in the editor; the sentence in it begins with ✗. */
import type { Addends, Before, Begins, Cat, Checked, Each, Init, Last, Names, Reads, Sum, Writes } from "./shape.js";
import type { Bias, Embedding, Gain, Router, Routing, Targets, Tensor, Tokens, Weight } from "./values.js";

// ---- matrices

type Twice<S extends string, W extends string> = Extract<Names<Before<S, Reads<W>>>, Names<Writes<W>>>;
type Fits<S extends string, W extends string> = string extends S | W
  ? Weight<W>
  : [Before<S, Reads<W>>] extends [never]
    ? `✗ linear: the weight reads [${Reads<W>}]; x is [${S}], which does not end in it`
    : Begins<Before<S, Reads<W>>, Each<W>> extends false
      ? `✗ linear: the weight has a matrix for each ${Each<W>}; x is [${S}], which does not begin with it`
      : [Twice<S, W>] extends [never]
        ? Weight<W>
        : `✗ linear: x is [${S}], which already has the ${Twice<S, W>} that the weight writes`;
type Applied<S extends string, W extends string> = Fits<S, W> extends Weight<any> ? Cat<Before<S, Reads<W>>, Writes<W>> : any;

/**
 * y[…, writes] = Σ over reads of x[…, reads] · w[reads, writes].
 *
 * x must end in what the weight reads: `weight("H U -> D")` makes [B T D] of [B T H U]. A weight with a matrix for each
 * expert, `"E: D -> F"`, makes [E rows F] of [E rows D]: each expert's rows by its own matrix.
 */
export declare function linear<S extends string, W extends string>(x: Tensor<S>, w: Fits<S, W>): Tensor<Applied<S, W>>;

/** The rows of the table for these tokens: [B T] becomes [B T D]. A token number outside 0 … V-1 stops the run with an error. */
export declare function lookup<S extends string, W extends string>(table: Embedding<W>, ids: Tokens<S>): Tensor<Cat<S, Writes<W>>>;

type Head<S extends string, W extends string> = string extends S | W
  ? Embedding<W>
  : [Last<S>] extends [Writes<W>]
    ? Embedding<W>
    : `✗ linearCrossEntropy: the embedding has rows of ${Writes<W>}; x is [${S}], whose last dimension is ${Last<S>}`;

/**
 * The loss: mean over all tokens of -log softmax(x · tableᵀ)[target], in nats a token; a scalar.
 * The logits [B T V] need not exist at once: the fusion choice `crossEntropy` says how they are made.
 */
export declare function linearCrossEntropy<S extends string, W extends string>(
  x: Tensor<S>,
  table: Head<S, W>,
  targets: Targets<Init<S>>,
): Tensor<"">;

// ---- over the last dimension

type Over<Op extends string, What extends "gain" | "bias", S extends string, G extends string> = string extends S | G
  ? { gain: Gain<G>; bias: Bias<G> }[What]
  : [Last<S>] extends [G]
    ? { gain: Gain<G>; bias: Bias<G> }[What]
    : `✗ ${Op}: the ${What} is over [${G}]; x is [${S}], whose last dimension is ${Last<S>}`;

/**
 * x / sqrt(mean(x²) + eps) · gain, over the last dimension. `eps` is 1e-6 by default.
 * Zhang and Sennrich 2019, arXiv 1910.07467.
 */
export declare function rmsnorm<S extends string, G extends string>(
  x: Tensor<S>,
  gain: Over<"rmsnorm", "gain", S, G>,
  options?: { readonly eps?: number },
): Tensor<S>;

/**
 * (x - mean(x)) / sqrt(variance(x) + eps) · gain + bias, over the last dimension. `eps` is 1e-5 by default.
 * Ba, Kiros and Hinton 2016, arXiv 1607.06450.
 */
export declare function layernorm<S extends string, G extends string, B extends string>(
  x: Tensor<S>,
  gain: Over<"layernorm", "gain", S, G>,
  bias: Over<"layernorm", "bias", S, B>,
  options?: { readonly eps?: number },
): Tensor<S>;

/** e^x / Σ e^x over the last dimension. */
export declare function softmax<S extends string>(x: Tensor<S>): Tensor<S>;

/**
 * Turns pairs of numbers by an angle that grows with the position: rotary position embedding (Su et al. 2021, arXiv 2104.09864).
 * Number i of the first half and number i of the second half are one pair, turned by position · theta^(-2i / width) radians.
 *
 * - `along`: the dimension that counts positions, from 0.
 * - `theta`: the base of the wavelengths; 10,000 is usual, more for long sequences.
 * - `on`: which addend of the last dimension turns, as "R" of "N+R"; by default all of it. Its size must be even.
 */
export declare function rope<S extends string>(
  x: Tensor<S>,
  options: { readonly along: Names<Init<S>>; readonly theta: number; readonly on?: Addends<Last<S>> },
): Tensor<S>;

// ---- putting together and taking apart

type New<S extends string, D extends string> = string extends S
  ? D
  : D extends Names<S>
    ? `✗ expand: x is [${S}], which already has ${D}`
    : D;

/** Repeats x along a new dimension before the last: `expand(x, "H")` makes [B T H R] of [B T R]. The size of H comes from `sizes`. */
export declare function expand<S extends string, const D extends string>(
  x: Tensor<S>,
  dimension: New<S, D>,
): Tensor<Cat<Cat<Init<S>, Checked<D, New<S, D>>>, Last<S>>>;

type Beside<A extends string, B extends string> = string extends A | B
  ? Tensor<B>
  : [Init<B>] extends [Init<A>]
    ? Tensor<B>
    : `✗ concat: [${A}] and [${B}] must differ in the last dimension only`;

/** Joins a and b in the last dimension, whose name is then the sum: [B T H N] and [B T H R] become [B T H N+R]. */
export declare function concat<A extends string, B extends string>(
  a: Tensor<A>,
  b: Beside<A, B>,
): Tensor<Cat<Init<A>, Sum<Last<A>, Last<B>>>>;

type Addend<S extends string, N extends string> = string extends S
  ? N
  : N extends Addends<Last<S>>
    ? N
    : `✗ part: x is [${S}], whose last dimension is ${Last<S>}, with no ${N} in it`;

/** Takes one addend of the last dimension: `part(x, "N")` makes [B T H N] of [B T H N+R]. */
export declare function part<S extends string, const N extends string>(
  x: Tensor<S>,
  addend: Addend<S, N>,
): Tensor<Cat<Init<S>, Checked<N, Addend<S, N>>>>;

// ---- attention

type Keys<Q extends string, K extends string> = string extends Q | K
  ? Tensor<K>
  : [Init<Init<K>>, Last<K>] extends [Init<Init<Q>>, Last<Q>]
    ? Tensor<K>
    : `✗ attention: q is [${Q}] and k is [${K}]; they may differ only in the heads, the last dimension but one`;
type Values<K extends string, V extends string> = string extends K | V
  ? Tensor<V>
  : [Init<V>] extends [Init<K>]
    ? Tensor<V>
    : `✗ attention: k is [${K}] and v is [${V}]; they may differ in the last dimension only`;

/**
 * softmax(scale · q · kᵀ) · v for each head: q [B T H A], k [B T G A], v [B T G U] give [B T H U].
 *
 * k and v may have fewer heads than q (grouped queries): then G divides H, and head h of q reads head h · G / H of k and v.
 * - `along`: the dimension of the sequence, which stands just before the heads.
 * - `causal`: whether a token sees only itself and those before it.
 * - `scale`: 1 / sqrt(size of the last dimension of q) by default.
 */
export declare function attention<Q extends string, K extends string, V extends string>(
  q: Tensor<Q>,
  k: Keys<Q, K>,
  v: Values<K, V>,
  options: { readonly along: Last<Init<Init<Q>>>; readonly causal: boolean; readonly scale?: number },
): Tensor<Cat<Init<Q>, Last<V>>>;

// ---- experts

type Scores<S extends string, W extends string> = string extends S | W
  ? Router<W>
  : [Last<S>] extends [Reads<W>]
    ? Router<W>
    : `✗ route: the router reads [${Reads<W>}]; x is [${S}], which does not end in it`;

/** What keeps the experts about equally busy. */
export type Balance = { readonly loss: number; readonly bias?: never } | { readonly bias: number; readonly loss?: never } | "none";

/**
 * Chooses the experts of each token. p = softmax (or sigmoid) of x · router; the `topK` largest are chosen; their weights are
 * those p divided by their sum, times `scale`. No token is dropped. Always reported: how many tokens each expert got.
 *
 * - `topK`: experts a token, a whole number from 1 to E.
 * - `score`: "softmax" or "sigmoid" of the router's products.
 * - `scale`: 1 by default.
 * - `balance`: `{ loss: a }` adds a · E · Σ_e (share of the tokens' choices that went to e) · mean(p_e) to the objective, 0.01 is
 *   usual (Dai et al. 2024, arXiv 2401.06066; with sigmoid, p_e is first divided by Σ_e p_e). `{ bias: r }` adds nothing to the
 *   objective; a bias for each expert, used for the choice only, moves by r · sign(mean load - load) each step, 0.001 is usual
 *   (Wang et al. 2024, arXiv 2408.15664). "none" leaves the experts to themselves.
 */
export declare function route<S extends string, W extends string>(
  x: Tensor<S>,
  router: Scores<S, W>,
  options: { readonly topK: number; readonly score: "softmax" | "sigmoid"; readonly scale?: number; readonly balance: Balance },
): Routing<Init<S>, Writes<W>>;

type Sent<S extends string, L extends string, E extends string> = string extends S | L
  ? Routing<L, E>
  : [Init<S>] extends [L]
    ? Routing<L, E>
    : `✗ dispatch: x is [${S}]; the routing is of tokens [${L}]`;

/** Copies every token to its experts: [B T D] becomes [E rows D], the rows of each expert together, B · T · topK in all. */
export declare function dispatch<S extends string, L extends string, E extends string>(
  x: Tensor<S>,
  routing: Sent<S, L, E>,
): Tensor<Cat<Cat<E, "rows">, Last<S>>>;

type Rows<S extends string, E extends string> = string extends S | E
  ? Tensor<S>
  : [Init<S>] extends [`${E} rows`]
    ? Tensor<S>
    : `✗ combine: y is [${S}]; it must be rows of experts, [${E} rows …]`;

/** Brings the rows back: y[token] = Σ over its experts of weight · row. [E rows D] becomes [B T D]. */
export declare function combine<S extends string, L extends string, E extends string>(
  y: Rows<S, E>,
  routing: Routing<L, E>,
): Tensor<Cat<L, Last<S>>>;
