/** The values a model is written with. They exist for the type checker only: a model is parsed, never run. */

declare const is: unique symbol;

/** Real numbers with named dimensions: `Tensor<"B T D">`; a scalar is `Tensor<"">`. The last dimension is the one that lies together in memory. */
export interface Tensor<in out S extends string> {
  readonly [is]: { readonly tensor: S };
}

/** Token numbers, from 0 to the vocabulary's size - 1: what the model reads. */
export interface Tokens<S extends string> {
  readonly [is]: { readonly tokens: S };
}

/** Token numbers, of the same sequences one place on: what the model is to predict. */
export interface Targets<S extends string> {
  readonly [is]: { readonly targets: S };
}

/** A matrix, `"D -> H N"`, or one for each expert, `"E: D -> F"`. Made by `weight`, used by `linear`. */
export interface Weight<W extends string> {
  readonly [is]: { readonly weight: W };
}

/** The matrix that scores experts, `"D -> E"`. Made by `router`, used by `route`. */
export interface Router<W extends string> {
  readonly [is]: { readonly router: W };
}

/** One row of numbers for each token, `"V -> D"`. Made by `embedding`, used by `lookup` and `linearCrossEntropy`. */
export interface Embedding<W extends string> {
  readonly [is]: { readonly embedding: W };
}

/** One factor for each place of a dimension. Made by `gain`, used by `rmsnorm` and `layernorm`. */
export interface Gain<S extends string> {
  readonly [is]: { readonly gain: S };
}

/** One summand for each place of a dimension. Made by `bias`, used by `layernorm`. */
export interface Bias<S extends string> {
  readonly [is]: { readonly bias: S };
}

/** Which experts each token of [S] goes to, and with what weights. Made by `route`, used by `dispatch` and `combine`. */
export interface Routing<S extends string, E extends string> {
  readonly [is]: { readonly routing: readonly [S, E] };
}

/** "weight", "gain", "tokens" …: which of these a value is. */
export type KindOf<V> = unknown extends V ? string : V extends { readonly [is]: infer Content } ? keyof Content : never;

/** The string it was made with. */
export type ShapeOf<V> = V extends { readonly [is]: infer Content } ? Extract<Content[keyof Content], string> : never;
