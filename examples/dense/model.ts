/** A dense model of the older kind: layernorm, plain attention, gelu, and one table for input and output. */
import {
  adamw, add, type Bias, bias, block, cosine, dims, embedding, type Gain, gain, layernorm, linearCrossEntropy, lookup, muon, stack,
  type Targets, type Tensor, type Tokens, train,
} from "mlac";
import { geluFeedForward, multiHeadAttention } from "mlac/blocks";

const sizes = dims({ B: 16, T: 256, V: 256, D: 128, H: 4, A: 32, W: 512 });
type X = Tensor<"B T D">;

const residual = (x: X, factor: Gain<"D">, summand: Bias<"D">, f: (x: X) => X) => add(x, f(layernorm(x, factor, summand)));

const Layer = block({
  attnGain: gain("D"), attnBias: bias("D"), attn: multiHeadAttention({ theta: 10_000 }),
  ffnGain: gain("D"), ffnBias: bias("D"), ffn: geluFeedForward(),
}, (p, x: X) => residual(residual(x, p.attnGain, p.attnBias, p.attn), p.ffnGain, p.ffnBias, p.ffn));

const Model = block({
  embed: embedding("V -> D"), layers: stack(4, Layer), outGain: gain("D"), outBias: bias("D"),
}, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = lookup(p.embed, tokens);
  for (const layer of p.layers) x = layer(x);
  return linearCrossEntropy(layernorm(x, p.outGain, p.outBias), p.embed, targets); // tied: the table of the input
});

export default train(Model, {
  sizes, steps: 300, clip: 1,
  optimizer: {
    weight: muon({ lr: 0.01, weightDecay: 0.01 }),
    embedding: adamw({ lr: 3e-3 }), gain: adamw({ lr: 3e-3 }), bias: adamw({ lr: 3e-3 }),
  },
  schedule: cosine({ warmup: 20, floor: 0.1 }),
  data: { train: "brown", tokenizer: "byte" },
  evaluate: { every: 100, batches: 8 },
});
