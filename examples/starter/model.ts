/**
 * A small language model: latent attention and a mixture of experts, trained on bytes of the Brown corpus. Change anything.
 *   mlac check    what the model is, or what is wrong with it
 *   mlac train    trains it
 */
import {
  adamw, block, dims, embedding, gain, linearCrossEntropy, lookup, muon, rmsnorm, stack, type Targets, type Tokens, train, wsd,
} from "mlac";
import { deepSeekMoe, denseLayer, mla, moeLayer, swigluFeedForward } from "mlac/blocks";

// Every size has one name; the shapes of all tensors are written in these names.
const sizes = dims({
  B: 16, T: 128, //         sequences at once, tokens in each
  V: 256, D: 96, //         vocabulary (bytes), width of the model
  H: 4, C: 48, //           attention heads, rank of the key-value latent
  N: 24, R: 16, U: 24, //   per head: plain and rotary part of queries and keys, values
  W: 256, //                hidden width of the first layer's feed-forward
  E: 8, F: 64, S: 64, //    experts, hidden width of one, of the one that all tokens share
});

const attention = mla({ theta: 10_000 });
const experts = deepSeekMoe({ topK: 2, score: "softmax", balance: { loss: 0.01 } });

const Model = block({
  embed: embedding("V -> D"),
  first: denseLayer(attention, swigluFeedForward()),
  layers: stack(2, moeLayer(attention, experts)),
  norm: gain("D"),
  head: embedding("V -> D"),
}, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = p.first(lookup(p.embed, tokens)); // [B T D]
  for (const layer of p.layers) x = layer(x);
  return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
});

export default train(Model, {
  sizes,
  steps: 200,
  clip: 1,
  optimizer: {
    weight: muon({ lr: 0.01, weightDecay: 0.01 }), // the matrices
    embedding: adamw({ lr: 3e-3 }),
    router: adamw({ lr: 3e-3 }),
    gain: adamw({ lr: 3e-3 }),
  },
  schedule: wsd({ warmup: 10, decay: 0.3 }), // up in 10 steps, down over the last 30 %
  data: { train: "brown", tokenizer: "byte" },
  evaluate: { every: 50, batches: 8 },
  sample: { every: 100, prompt: "The ", tokens: 100 },
  checkpoint: { every: 100, keep: 2 },
});
