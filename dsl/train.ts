// biome-ignore-all lint/suspicious/noExplicitAny: any stands for a shape or a type that does not matter or is not known
/** The training plan: what `export default train(Model, { … })` says. */
import type { Block, Stack } from "./block.js";
import type { AdamW, Optimizer } from "./optimizer.js";
import type { Schedule } from "./schedule.js";
import type { Atoms } from "./shape.js";
import type { KindOf, ShapeOf, Targets, Tensor, Tokens } from "./values.js";

// ---- what the model needs

/** All parameters, wherever they are, and nothing else. */
type Leaves<V> = V extends Block<infer P, any, any> ? { [K in keyof P]: Leaves<P[K]> }[keyof P] : V extends Stack<infer B> ? Leaves<B> : V;

/** Every name that needs a size. */
export type Dimensions<P, A extends readonly unknown[]> = Atoms<ShapeOf<{ [K in keyof P]: Leaves<P[K]> }[keyof P] | A[number]>>;

/** Every kind of parameter that occurs: "weight" | "gain" | … */
export type Kinds<P> = KindOf<{ [K in keyof P]: Leaves<P[K]> }[keyof P]>;

/** The paths without a dot: parameters of the model itself, as `head`. */
type Own<P, K extends keyof P = keyof P> = K extends unknown ? (P[K] extends Block<any, any, any> | Stack<any> ? never : K) : never;

type Inputs<P, A extends readonly unknown[], R> = [A] extends [readonly [Tokens<any>, Targets<any>]]
  ? R extends Tensor<infer S>
    ? [S] extends [""]
      ? Block<P, A, R>
      : `✗ train: the model gives [${S}]; it must give the loss, a scalar, as linearCrossEntropy does`
    : "✗ train: the model must give the loss, a scalar, as linearCrossEntropy does"
  : '✗ train: the model must take (tokens: Tokens<"B T">, targets: Targets<"B T">)';

// ---- the plan

/**
 * A parameter's path, or a pattern of it, `layers.*.moe.*`: a star is exactly one part. The layers of a stack are moved in the same way;
 * where their numbers would be stands a star, or nothing: `layers.*.attn.out` and `layers.attn.out` mean the same.
 */
export type Path = `${string}.${string}` | `${string}*${string}`;

/** One optimizer for each kind of parameter in the model, and any number of exceptions by path; `Own` are the model's own parameters. */
export type Optimizers<Kind extends PropertyKey, Own extends PropertyKey> = {
  readonly [K in Kind]: K extends "gain" | "bias" ? AdamW : Optimizer;
} & { readonly [path: Path]: Optimizer } & { readonly [path in Own]?: Optimizer };

export interface Data {
  /** "brown", a million words that come with mlac; or token shards, as `mlac data` makes them: a path or a pattern, "data/train-*.bin". */
  readonly train: "brown" | (string & {});
  /** The same, for the validation loss. By default a part of "brown" that is not trained on; otherwise there is none. */
  readonly validation?: "brown" | (string & {});
  /** "byte" (256 tokens), "gpt2" (50,257 tokens), or the path of a tokenizer.json. */
  readonly tokenizer: "byte" | "gpt2" | (string & {});
}

/** How parts of the step are computed; the result differs by rounding only. What is left out, mlac chooses. */
export interface Fusion {
  /** `materialize`: keys and values are kept for the backward pass. `rebuild`: only the latent is kept, and they are made again from it. */
  readonly mla?: "materialize" | "rebuild";
  /** `full`: all logits at once. `chunk:ROWS`: the logits of ROWS tokens at a time. `recompute`: no logits are stored; one more product. */
  readonly crossEntropy?: "full" | `chunk:${number}` | "recompute";
  /** `gather`: the experts' rows are copied together first. `fused`: the product reads them where they are. */
  readonly moeIn?: "gather" | "fused";
  /** `scatter`: each row is added to its token as it is made. `gatherSum`: each token sums its rows afterwards. */
  readonly moeOut?: "scatter" | "gatherSum";
  /** `own`: a kernel of their own. `fused`: within the product before or after. */
  readonly norm?: "own" | "fused";
  readonly swiglu?: "own" | "fused";
  /** `symmetric`: half of each symmetric product. `gram`: iterates on the small side. */
  readonly muon?: "plain" | "symmetric" | "gram";
  /** What is computed again in the backward pass: nothing; norms and activations; all but attention; whole layers; as little as fits into so many bytes, `fit:2000000000`. */
  readonly recompute?: "none" | "cheap" | "products" | "layer" | `fit:${number}`;
}

export interface Plan<P, A extends readonly unknown[]> {
  /** The size of every dimension of the model: `dims({ … })`. */
  readonly sizes: { readonly [D in Dimensions<P, A>]: number };
  /** Optimizer steps in all. */
  readonly steps: number;
  /** Seeds the start of the parameters and the order of the data. Default 1. Same seed, same bits. */
  readonly seed?: number;
  /** Micro-batches of B sequences whose gradients are averaged before each step. Default 1. */
  readonly accumulate?: number;
  /** The gradients' largest norm, all taken together; larger ones are scaled down to it. Default 0: no limit. */
  readonly clip?: number;
  /**
   * For each kind of parameter that occurs, what moves it. A path is an exception to its kind, and no parameter may match two:
   * `"layers.*.attn.out": adamw({ lr: 1e-3 })`.
   */
  readonly optimizer: Optimizers<Kinds<P>, Own<P>>;
  /** What the learning rates are multiplied by over time. Default `constant()`. */
  readonly schedule?: Schedule;
  /** What to train on. */
  readonly data?: Data;
  /** The mean loss over `batches` batches of the validation data, every `every` steps and at the end. */
  readonly evaluate?: { readonly every: number; readonly batches: number };
  /** Continues `prompt` by `tokens` tokens, every `every` steps and at the end, to look at. */
  readonly sample?: { readonly every: number; readonly prompt: string; readonly tokens: number };
  /** Saves everything needed to go on, every `every` steps and at the end; the `keep` newest are kept. */
  readonly checkpoint?: { readonly every: number; readonly keep: number };
  readonly fuse?: Fusion;
}

declare const training: unique symbol;
export interface Training {
  readonly [training]: true;
}

/**
 * The training plan of a model; `export default` it. The model takes tokens and targets and gives the loss:
 * `block({ … }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => …)`.
 */
export declare function train<P, A extends readonly unknown[], R>(model: Inputs<P, A, R>, plan: Plan<P, A>): Training;
