/** What most programs here share: sizes, settings that move every kind of parameter, and a model around one layer. */
import {
  adamw, type Block, block, dims, embedding, linear, linearCrossEntropy, lookup, muon, type Targets, type Tensor, type Tokens, weight,
} from "mlac";

export type X = Tensor<"B T D">;

export const sizes = dims({ B: 2, T: 8, V: 32, D: 8, H: 4, G: 2, A: 4, N: 4, R: 2, C: 4, U: 4, E: 4, F: 8, S: 8, W: 8 });

export const optimizer = {
  weight: muon({ lr: 0.02 }),
  embedding: adamw({ lr: 3e-3 }),
  router: adamw({ lr: 3e-4 }),
  gain: adamw({ lr: 3e-4 }),
  bias: adamw({ lr: 3e-4 }),
};

export const settings = { sizes, steps: 10, optimizer };

/** Its parameters are `embed` and those of `layer`. */
export const modelOf = <P>(layer: Block<P, [x: X], X>) =>
  block({ embed: embedding("V -> D"), layer }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) =>
    linearCrossEntropy(p.layer(lookup(p.embed, tokens)), p.embed, targets));

/** A good model with one weight, `layer.w`, for what is wrong elsewhere. */
export const Model = modelOf(block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w)));
