/** examples/tiny with a choice of what moves its weights: bench/optimizers.ts builds it with --set useMuon=… --set rate=…. */
import {
  adamw,
  add,
  attention,
  block,
  combine,
  concat,
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
  wsd,
} from "mlac";

const useMuon = true;
const rate = 0.01; // of the weights; everything else is moved by AdamW, as in the example

// Every size has one name; shapes are written in these names.
const sizes = dims({
  B: 8,
  T: 128,
  V: 256,
  D: 128, // sequences, tokens in each, vocabulary, width
  H: 4,
  C: 64, //                   heads, rank of the key-value latent
  N: 32,
  R: 16,
  U: 32, //           per head: plain and rotary part of q and k, value
  E: 8,
  F: 64,
  S: 128,
  W: 384, //   experts; hidden widths of an expert, of the shared one, of a dense layer
});
const turn = { along: "T", theta: 10_000, on: "R" } as const;
type X = Tensor<"B T D">;

// Keys and values come from a small latent; q and k are normalised before their rotary part turns.
const Attention = block(
  {
    q: weight("D -> H N+R"),
    kvDown: weight("D -> C"),
    kRope: weight("D -> R"),
    kvNorm: gain("C"),
    k: weight("C -> H N"),
    v: weight("C -> H U"),
    qNorm: gain("N+R"),
    kNorm: gain("N+R"),
    out: weight("H U -> D"),
  },
  (p, x: X) => {
    const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm);
    const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
    const q = rmsnorm(linear(x, p.q), p.qNorm);
    const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm);
    const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
    return linear(mixed, p.out);
  },
);

const FeedForward = block({ gate: weight("D -> W"), up: weight("D -> W"), down: weight("W -> D") }, (p, x: X) =>
  linear(swiglu(linear(x, p.gate), linear(x, p.up)), p.down),
);

// Each token goes through 2 of the E experts, and through the shared one.
const Experts = block(
  {
    router: router("D -> E"),
    gate: weight("E: D -> F"),
    up: weight("E: D -> F"),
    down: weight("E: F -> D"),
    sharedGate: weight("D -> S"),
    sharedUp: weight("D -> S"),
    sharedDown: weight("S -> D"),
  },
  (p, x: X) => {
    const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: 0.01 } });
    const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
    const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
    const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
    return add(combine(routed, routing), shared);
  },
);

const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));

const First = block({ attnNorm: gain("D"), attn: Attention, ffnNorm: gain("D"), ffn: FeedForward }, (p, x: X) =>
  residual(residual(x, p.attnNorm, p.attn), p.ffnNorm, p.ffn),
);

const Layer = block({ attnNorm: gain("D"), attn: Attention, ffnNorm: gain("D"), moe: Experts }, (p, x: X) =>
  residual(residual(x, p.attnNorm, p.attn), p.ffnNorm, p.moe),
);

const Model = block(
  {
    embed: embedding("V -> D"),
    first: First,
    layers: stack(3, Layer),
    norm: gain("D"),
    head: embedding("V -> D"),
  },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    let x = p.first(lookup(p.embed, tokens));
    for (const layer of p.layers) x = layer(x);
    return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
  },
);

export default train(Model, {
  sizes,
  steps: 300,
  clip: 1,
  optimizer: {
    weight: useMuon ? muon({ lr: rate, weightDecay: 0.01 }) : adamw({ lr: rate, weightDecay: 0.01 }),
    embedding: adamw({ lr: 3e-3 }),
    router: adamw({ lr: 3e-3 }),
    gain: adamw({ lr: 3e-3 }),
  },
  schedule: wsd({ warmup: 20, decay: 0.3 }),
  data: { train: "brown", tokenizer: "byte" },
  evaluate: { every: 20, batches: 16 },
});
