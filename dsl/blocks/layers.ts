/** Layers: attention, then feed-forward, each on the normalised stream and added back to it. Names: B, T, D. */
import { add, type Block, block, type Gain, gain, rmsnorm, type Tensor } from "mlac";

type X = Tensor<"B T D">;

/** x + f(rmsnorm(x)). */
export const residual = (x: X, norm: Gain<"D">, f: (x: X) => X) => add(x, f(rmsnorm(x, norm)));

/** The feed-forward block's parameters are under `ffn`. */
export const denseLayer = <A, F>(attn: Block<A, [x: X], X>, ffn: Block<F, [x: X], X>) =>
  block({ attnNorm: gain("D"), attn, ffnNorm: gain("D"), ffn }, (p, x: X) => residual(residual(x, p.attnNorm, p.attn), p.ffnNorm, p.ffn));

/** The mixture of experts' parameters are under `moe`. */
export const moeLayer = <A, M>(attn: Block<A, [x: X], X>, moe: Block<M, [x: X], X>) =>
  block({ attnNorm: gain("D"), attn, ffnNorm: gain("D"), moe }, (p, x: X) => residual(residual(x, p.attnNorm, p.attn), p.ffnNorm, p.moe));
