/** The user's own files and functions: everything here is known when the model is read, and inlined. */
import {
  adamw,
  add,
  attention,
  bias,
  block,
  div,
  embedding,
  exp,
  gain,
  layernorm,
  linear,
  linearCrossEntropy,
  log,
  lookup,
  mul,
  neg,
  relu,
  rmsnorm,
  scale,
  shift,
  sigmoid,
  silu,
  softmax,
  sqrt,
  square,
  sub,
  swiglu,
  type Targets,
  type Tensor,
  type Tokens,
  tanh,
  train,
  weight,
} from "mlac";
import { gelu } from "mlac/blocks";
import mixer, { depth as howDeep, norms, sizes } from "./parts/mixer.ts";

type X = Tensor<"B T D">;

// Constants: arithmetic, texts, objects, arrays, conditions.
const half = sizes.D / 2;
const options = { kind: `norm-${norms[0]}` as string, wide: half >= 8 && howDeep > 1, ...{ eps: 1e-5 } };
const factors = [0.5, -2, ...(norms.length > 1 ? [Math.sqrt(16)] : [])];
const [firstFactor, , lastFactor = 1] = factors;
const { kind, ...others } = options;

function everything<S extends string>(x: Tensor<S>): Tensor<S> {
  const positive = add(square(x), exp(neg(x)));
  return div(sub(mul(tanh(x), sigmoid(x)), silu(x)), add(sqrt(positive), log(shift(relu(positive), 1))));
}

const twice = (f: (x: X) => X, x: X) => f(f(x));

function scaled(x: X, by = 3): X {
  let y = x;
  let rounds = 0;
  for (const factor of factors) {
    if (factor < 0) continue;
    if (rounds > 5) break;
    y = scale(y, factor * by);
    rounds += 1;
  }
  return rounds === 2 ? y : everything(y);
}

const Layer = block(
  { mix: mixer({ theta: 500 }), norm: gain("D"), offset: bias("D"), gate: weight("D -> W"), up: weight("D -> W"), down: weight("W -> D") },
  ({ mix, norm, offset, ...p }, x: X) => {
    const normed = kind === "norm-rms" ? rmsnorm(x, norm, { eps: others.eps }) : layernorm(x, norm, offset, { eps: others.eps });
    const mixed = twice(mix, normed);
    const wide = options.wide ? swiglu(linear(mixed, p.gate), linear(mixed, p.up)) : gelu(linear(mixed, p.up));
    return add(x, scaled(linear(wide, p.down), firstFactor));
  },
);

const Attend = block({ q: weight("D -> H A"), kv: weight("D -> G A"), out: weight("H A -> D") }, (p, x: X) => {
  const kv = linear(x, p.kv);
  return linear(softmax(attention(linear(x, p.q), kv, kv, { along: "T", causal: false, scale: lastFactor })), p.out);
});

const Model = block(
  { embed: embedding("V -> D"), one: Layer, two: Layer, attend: Attend, head: embedding("V -> D", { std: 0.01 }) },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    const layers = [p.one, p.two];
    let x = lookup(p.embed, tokens);
    for (const layer of layers) x = layer(x);
    return linearCrossEntropy(everything(p.attend(x)), p.head, targets);
  },
);

const step = adamw({ lr: 1e-3 });
export default train(Model, { sizes, steps: 10, optimizer: { weight: step, embedding: step, gain: step, bias: step } });
