/** Latent attention as DeepSeek-V2 has it: no norm of heads, the rotary parts turned before they are joined. */
import {
  adamw,
  add,
  attention,
  block,
  concat,
  dims,
  embedding,
  expand,
  gain,
  linear,
  linearCrossEntropy,
  lookup,
  part,
  relu,
  rmsnorm,
  rope,
  stack,
  type Targets,
  type Tensor,
  type Tokens,
  train,
  weight,
} from "mlac";

const sizes = dims({ B: 2, T: 24, V: 40, D: 24, H: 3, C: 12, N: 6, R: 4, U: 5, W: 16 });
const turn = { along: "T", theta: 100 } as const;
type X = Tensor<"B T D">;

const Layer = block(
  {
    norm: gain("D"),
    q: weight("D -> H N+R"),
    kvDown: weight("D -> C"),
    kRope: weight("D -> R"),
    kvNorm: gain("C"),
    k: weight("C -> H N"),
    v: weight("C -> H U"),
    out: weight("H U -> D"),
    up: weight("D -> W"),
    down: weight("W -> D"),
  },
  (p, x: X) => {
    const y = rmsnorm(x, p.norm);
    const latent = rmsnorm(linear(y, p.kvDown), p.kvNorm);
    const q = linear(y, p.q);
    const queries = concat(part(q, "N"), rope(part(q, "R"), turn));
    const keys = concat(linear(latent, p.k), expand(rope(linear(y, p.kRope), turn), "H"));
    const mixed = attention(queries, keys, linear(latent, p.v), { along: "T", causal: true });
    const z = add(x, linear(mixed, p.out));
    return add(z, linear(relu(linear(z, p.up)), p.down));
  },
);

const Model = block(
  {
    embed: embedding("V -> D"),
    layers: stack(2, Layer),
    norm: gain("D"),
    head: embedding("V -> D"),
  },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    let x = lookup(p.embed, tokens);
    for (const layer of p.layers) x = layer(x);
    return linearCrossEntropy(rmsnorm(x, p.norm), p.head, targets);
  },
);

const all = adamw({ lr: 1e-3 });
export default train(Model, { sizes, steps: 1, optimizer: { weight: all, embedding: all, gain: all } });
