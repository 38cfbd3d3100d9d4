/** Stacks within stacks, two loops over one stack, several variables carried, a balance loss in all of it. */
import {
  adamw,
  add,
  block,
  combine,
  dims,
  dispatch,
  embedding,
  linear,
  linearCrossEntropy,
  lookup,
  mul,
  muon,
  route,
  router,
  scale,
  stack,
  type Targets,
  type Tensor,
  type Tokens,
  train,
  weight,
} from "mlac";

const sizes = dims({ B: 2, T: 8, V: 32, D: 16, E: 4 });
type X = Tensor<"B T D">;

const Experts = block({ router: router("D -> E"), w: weight("E: D -> D") }, (p, x: X) => {
  const r = route(x, p.router, { topK: 1, score: "softmax", balance: { loss: 0.01 } });
  return combine(linear(dispatch(x, r), p.w), r);
});

const Inner = block({ a: weight("D -> D"), experts: Experts }, (p, x: X, skip: X) => {
  const y = add(linear(x, p.a), skip);
  return [add(y, p.experts(y)), skip] as const;
});

const Outer = block({ gate: weight("D -> D"), inner: stack(2, Inner), none: stack(0, Inner) }, (p, x: X, first: X) => {
  let y = x;
  let skip = mul(x, first);
  let same = skip;
  for (const layer of p.inner) {
    [y, skip] = layer(y, skip);
    if (sizes.E > 4) same = y; // not taken: `same` is no part of the loop
    skip = scale(skip, 0.5);
  }
  for (const layer of p.none) y = layer(y, skip)[0];
  return { y: linear(add(y, skip), p.gate), same };
});

const Model = block(
  { embed: embedding("V -> D"), outer: stack(3, Outer), top: Experts, head: embedding("V -> D") },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    const first = lookup(p.embed, tokens);
    let x = first;
    for (const layer of p.outer) {
      const { y, same } = layer(x, first);
      x = add(y, same);
    }
    for (const layer of p.outer) x = layer(x, x).y; // the same layers once more
    return linearCrossEntropy(add(x, p.top(x)), p.head, targets);
  },
);

export default train(Model, {
  sizes,
  steps: 10,
  optimizer: { weight: muon({ lr: 0.02 }), embedding: adamw({ lr: 3e-3 }), router: adamw({ lr: 3e-4 }) },
});
