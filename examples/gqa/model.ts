/** Grouped queries, and a feed-forward block around an activation of one's own. AdamW for everything. */
import {
  adamw, block, cosine, dims, embedding, gain, linear, linearCrossEntropy, lookup, mul, relu, rmsnorm, square, stack, type Targets,
  type Tensor, type Tokens, tanh, train, weight,
} from "mlac";
import { denseLayer, groupedQueryAttention } from "mlac/blocks";

const sizes = dims({ B: 16, T: 256, V: 256, D: 128, H: 4, G: 2, A: 32, W: 320 }); // H heads of queries share G of keys and values
type X = Tensor<"B T D">;

// A function of each number by itself, for tensors of any shape; its gradient follows from its parts.
const bump = <S extends string>(x: Tensor<S>) => mul(tanh(x), square(relu(x)));

const FeedForward = block({ gate: weight("D -> W"), up: weight("D -> W"), down: weight("W -> D") }, (p, x: X) =>
  linear(mul(bump(linear(x, p.gate)), linear(x, p.up)), p.down));

const Model = block({
  embed: embedding("V -> D"), layers: stack(4, denseLayer(groupedQueryAttention({ theta: 10_000 }), FeedForward)),
  norm: gain("D"), head: embedding("V -> D"),
}, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = lookup(p.embed, tokens);
  for (const layer of p.layers) x = layer(x);
  return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
});

const decaying = adamw({ lr: 3e-3, weightDecay: 0.1 });

export default train(Model, {
  sizes, steps: 300, clip: 1,
  optimizer: { weight: decaying, embedding: decaying, gain: adamw({ lr: 3e-3 }), "layers.*.attn.out": adamw({ lr: 1e-3, weightDecay: 0.1 }) },
  schedule: cosine({ warmup: 20, floor: 0.1 }),
  data: { train: "brown", tokenizer: "byte" },
  evaluate: { every: 100, batches: 8 },
});
