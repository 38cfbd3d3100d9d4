/** Keys and values that all layers share, made before the first; a norm of whole keys after their rotation; stacks in stacks. */
import {
  adamw,
  add,
  attention,
  block,
  dims,
  embedding,
  gain,
  linear,
  linearCrossEntropy,
  lookup,
  rmsnorm,
  rope,
  stack,
  type Targets,
  type Tensor,
  type Tokens,
  train,
  weight,
} from "mlac";

const sizes = dims({ B: 2, T: 20, V: 30, D: 16, H: 2, A: 6, C: 8, U: 5 });
const turn = { along: "T", theta: 100 } as const;
type X = Tensor<"B T D">;

const Reader = block(
  { norm: gain("D"), q: weight("D -> H A"), out: weight("H U -> D") },
  (p, x: X, k: Tensor<"B T H A">, v: Tensor<"B T H U">) =>
    add(x, linear(attention(rope(linear(rmsnorm(x, p.norm), p.q), turn), k, v, { along: "T", causal: true }), p.out)),
);

// Keys are products of a latent, with nothing that turns.
const Latent = block(
  {
    norm: gain("D"),
    q: weight("D -> H A"),
    down: weight("D -> C"),
    k: weight("C -> H A"),
    kNorm: gain("A"),
    v: weight("C -> H U"),
    out: weight("H U -> D"),
  },
  (p, x: X) => {
    const y = rmsnorm(x, p.norm);
    const latent = linear(y, p.down);
    return add(
      x,
      linear(attention(linear(y, p.q), rmsnorm(linear(latent, p.k), p.kNorm), linear(latent, p.v), { along: "T", causal: true }), p.out),
    );
  },
);

const Group = block({ inner: stack(2, Reader), latent: Latent }, (p, x: X, k: Tensor<"B T H A">, v: Tensor<"B T H U">) => {
  let y = x;
  for (const layer of p.inner) y = layer(y, k, v);
  return p.latent(y);
});

const Model = block(
  {
    embed: embedding("V -> D"),
    k: weight("D -> H A"),
    kNorm: gain("A"),
    v: weight("D -> H U"),
    groups: stack(2, Group),
    norm: gain("D"),
  },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    let x = lookup(p.embed, tokens);
    const k = rmsnorm(rope(linear(x, p.k), turn), p.kNorm);
    const v = linear(x, p.v);
    for (const group of p.groups) x = group(x, k, v);
    return linearCrossEntropy(rmsnorm(x, p.norm), p.embed, targets);
  },
);

const all = adamw({ lr: 1e-3 });
export default train(Model, { sizes, steps: 1, optimizer: { weight: all, embedding: all, gain: all } });
