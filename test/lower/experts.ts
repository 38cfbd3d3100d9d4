/** Layers of experts kept busy by a bias: state of its own, loads of every layer, no balance loss. */
import {
  adamw,
  add,
  attention,
  block,
  combine,
  concat,
  cosine,
  dims,
  dispatch,
  embedding,
  expand,
  type Gain,
  gain,
  linear,
  linearCrossEntropy,
  lookup,
  muon,
  part,
  rmsnorm,
  rope,
  route,
  router,
  stack,
  swiglu,
  type Targets,
  type Tensor,
  type Tokens,
  train,
  weight,
} from "mlac";

const sizes = dims({ B: 2, T: 8, V: 32, D: 16, H: 2, C: 8, N: 4, R: 2, U: 4, E: 4, F: 8 });
type X = Tensor<"B T D">;

const Attention = block(
  { q: weight("D -> H N+R"), down: weight("D -> C+R"), k: weight("C -> H N"), v: weight("C -> H U"), out: weight("H U -> D", { std: 0 }) },
  (p, x: X) => {
    const turn = { along: "T", theta: 10_000 } as const;
    const latent = linear(x, p.down);
    const kept = part(latent, "C");
    const shared = expand(rope(part(latent, "R"), turn), "H");
    const q = rope(linear(x, p.q), { ...turn, on: "R" });
    return linear(attention(q, concat(linear(kept, p.k), shared), linear(kept, p.v), { along: "T", causal: true }), p.out);
  },
);

const Experts = block(
  { router: router("D -> E"), gate: weight("E: D -> F"), up: weight("E: D -> F"), down: weight("E: F -> D") },
  (p, x: X) => {
    const routing = route(x, p.router, { topK: 2, score: "sigmoid", scale: 2.5, balance: { bias: 0.001 } });
    const rows = dispatch(x, routing);
    return combine(linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down), routing);
  },
);

const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));
const Layer = block({ attnNorm: gain("D"), attn: Attention, ffnNorm: gain("D"), moe: Experts }, (p, x: X) =>
  residual(residual(x, p.attnNorm, p.attn), p.ffnNorm, p.moe),
);

const Model = block(
  { embed: embedding("V -> D"), layers: stack(3, Layer), norm: gain("D") },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    let x = lookup(p.embed, tokens);
    for (const layer of p.layers) x = layer(x);
    return linearCrossEntropy(rmsnorm(x, p.norm), p.embed, targets); // tied: one table for both
  },
);

export default train(Model, {
  sizes,
  steps: 100,
  accumulate: 2,
  clip: 1,
  seed: 7,
  optimizer: {
    weight: muon({ lr: 0.02 }),
    embedding: adamw({ lr: 3e-3, weightDecay: 0.1 }),
    router: adamw({ lr: 3e-4 }),
    gain: adamw({ lr: 3e-4, weightDecay: 0.1 }),
    "layers.*.attn.out": adamw({ lr: 1e-3, betas: [0.9, 0.99] }),
  },
  schedule: cosine({ warmup: 0.1 }),
  data: { train: "data/train-*.bin", validation: "data/validation.bin", tokenizer: "gpt2" },
  evaluate: { every: 10, batches: 4 },
  sample: { every: 50, prompt: "Once", tokens: 16 },
  checkpoint: { every: 50, keep: 2 },
  fuse: { crossEntropy: "chunk:512", recompute: "cheap" },
});
