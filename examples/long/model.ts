/** The speedrun model on sequences of 131,072 tokens. */
import {
  adamw, block, dims, embedding, gain, linearCrossEntropy, lookup, muon, rmsnorm, stack, type Targets, type Tokens, train, wsd,
} from "mlac";
import { deepSeekMoe, denseLayer, mla, moeLayer, swigluFeedForward } from "mlac/blocks";

const sizes = dims({
  B: 1, T: 131_072, V: 131_072, D: 768, // sequences, tokens in each, vocabulary, width
  H: 6, N: 128, R: 64, U: 128, C: 256, // heads; per head plain and rotary part, value; rank of the key-value latent
  E: 32, F: 512, S: 512, W: 2560, //     experts; hidden widths of an expert, of the shared one, of the first layer
});

const attention = mla({ theta: 1_000_000 });
const experts = deepSeekMoe({ topK: 4, score: "softmax", balance: { loss: 0.01 } });

const Model = block({
  embed: embedding("V -> D"),
  first: denseLayer(attention, swigluFeedForward()),
  layers: stack(11, moeLayer(attention, experts)),
  norm: gain("D"),
  head: embedding("V -> D"),
}, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = p.first(lookup(p.embed, tokens));
  for (const layer of p.layers) x = layer(x);
  return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
});

const others = adamw({ lr: 3e-4, weightDecay: 0.01 });

export default train(Model, {
  sizes, steps: 5000, clip: 1,
  fuse: { recompute: "products" }, // 20 GiB in place of 39, for no more time that shows
  optimizer: { weight: muon({ lr: 2e-3, weightDecay: 0.01 }), embedding: others, router: others, gain: others },
  schedule: wsd({ warmup: 500, decay: 0.2 }),
  data: { train: "data/train-*.bin", validation: "data/validation-*.bin", tokenizer: "data/tokenizer.json" },
  evaluate: { every: 500, batches: 16 },
  checkpoint: { every: 1000, keep: 3 },
});
