/** A model with something of everything, free of errors; test/editor.test.ts makes one mistake at a time in copies of it. */
import {
  adamw,
  add,
  attention,
  type Bias,
  bias,
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
  layernorm,
  linear,
  linearCrossEntropy,
  lookup,
  mul,
  muon,
  part,
  rmsnorm,
  rope,
  route,
  router,
  scale,
  shift,
  sigmoid,
  stack,
  swiglu,
  type Targets,
  type Tensor,
  type Tokens,
  tanh,
  train,
  weight,
} from "mlac";

const sizes = dims({ B: 2, T: 16, V: 64, D: 32, H: 4, G: 2, A: 8, C: 16, N: 8, R: 4, U: 8, E: 4, F: 16, W: 64 });
const turn = { along: "T", theta: 10_000, on: "R" } as const;
type X = Tensor<"B T D">;

const softTanh = <S extends string>(x: Tensor<S>) => mul(scale(x, 0.5), shift(tanh(x), 1));

const Latent = block(
  {
    q: weight("D -> H N+R"),
    down: weight("D -> C"),
    kRope: weight("D -> R"),
    norm: gain("C"),
    k: weight("C -> H N"),
    v: weight("C -> H U"),
    qNorm: gain("N+R"),
    out: weight("H U -> D"),
  },
  (p, x: X) => {
    const latent = rmsnorm(linear(x, p.down), p.norm);
    const q = rope(rmsnorm(linear(x, p.q), p.qNorm), turn);
    const k = concat(linear(latent, p.k), expand(linear(x, p.kRope), "H"));
    return linear(attention(q, rope(k, turn), linear(latent, p.v), { along: "T", causal: true }), p.out);
  },
);

const Grouped = block(
  { q: weight("D -> H A"), k: weight("D -> G A"), v: weight("D -> G A"), gate: weight("D -> H A+N"), out: weight("H A -> D") },
  (p, x: X) => {
    const mixed = attention(linear(x, p.q), linear(x, p.k), linear(x, p.v), { along: "T", causal: true, scale: 0.25 });
    return linear(mul(mixed, sigmoid(part(linear(x, p.gate), "A"))), p.out);
  },
);

const Dense = block({ up: weight("D -> W"), gate: weight("D -> W"), down: weight("W -> D") }, (p, x: X) =>
  linear(swiglu(softTanh(linear(x, p.gate)), linear(x, p.up)), p.down),
);

const Experts = block(
  { router: router("D -> E"), gate: weight("E: D -> F"), up: weight("E: D -> F"), down: weight("E: F -> D") },
  (p, x: X) => {
    const routing = route(x, p.router, { topK: 2, score: "sigmoid", balance: { bias: 0.001 } });
    const rows = dispatch(x, routing);
    return combine(linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down), routing);
  },
);

const residual = (x: X, g: Gain<"D">, b: Bias<"D">, f: (x: X) => X) => add(x, f(layernorm(x, g, b)));

const Layer = block({ g1: gain("D"), b1: bias("D"), attn: Latent, g2: gain("D"), b2: bias("D"), moe: Experts }, (p, x: X) =>
  residual(residual(x, p.g1, p.b1, p.attn), p.g2, p.b2, p.moe),
);

const Model = block(
  { embed: embedding("V -> D"), mix: Grouped, ffn: Dense, layers: stack(2, Layer), norm: gain("D"), head: embedding("V -> D") },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    let x = lookup(p.embed, tokens);
    x = add(x, p.ffn(p.mix(x)));
    for (const layer of p.layers) x = layer(x);
    return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
  },
);

export default train(Model, {
  sizes,
  steps: 10,
  optimizer: {
    weight: muon({ lr: 0.02 }),
    embedding: adamw({ lr: 3e-3 }),
    router: adamw({ lr: 3e-4 }),
    gain: adamw({ lr: 3e-4 }),
    bias: adamw({ lr: 3e-4 }),
    head: adamw({ lr: 1e-3 }),
    "layers.*.attn.out": adamw({ lr: 1e-3 }),
  },
  schedule: cosine({ warmup: 2, floor: 0.1 }),
  data: { train: "brown", tokenizer: "byte" },
  fuse: { crossEntropy: "chunk:64" },
});
