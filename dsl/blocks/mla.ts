/**
 * Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434) with the whole rows of q and k normalised before they turn.
 * Names: B sequences, T tokens, D width, H heads, C rank of the key-value latent, Q rank of the query latent;
 * per head N plain and R rotary numbers of q and k, U of a value. A cache needs [B T C] and [B T R] only.
 */
import { attention, block, concat, expand, gain, linear, rmsnorm, rope, type Tensor, weight } from "mlac";

type X = Tensor<"B T D">;

export interface LatentAttention {
  /** Base of the rotary wavelengths. */
  readonly theta: number;
  readonly eps?: number;
}

/** Queries come straight from x. */
export const mla = ({ theta, eps = 1e-6 }: LatentAttention) =>
  block(
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
      const turn = { along: "T", theta, on: "R" } as const;
      const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm, { eps });
      const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
      const q = rmsnorm(linear(x, p.q), p.qNorm, { eps });
      const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm, { eps });
      const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
      return linear(mixed, p.out);
    },
  );

/** Queries come from a latent of rank Q. */
export const mlaWithQueryLatent = ({ theta, eps = 1e-6 }: LatentAttention) =>
  block(
    {
      qDown: weight("D -> Q"),
      qLatentNorm: gain("Q"),
      q: weight("Q -> H N+R"),
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
      const turn = { along: "T", theta, on: "R" } as const;
      const queryLatent = rmsnorm(linear(x, p.qDown), p.qLatentNorm, { eps });
      const latent = rmsnorm(linear(x, p.kvDown), p.kvNorm, { eps });
      const shared = expand(linear(x, p.kRope), "H"); // one rotary key for all heads
      const q = rmsnorm(linear(queryLatent, p.q), p.qNorm, { eps });
      const k = rmsnorm(concat(linear(latent, p.k), shared), p.kNorm, { eps });
      const mixed = attention(rope(q, turn), rope(k, turn), linear(latent, p.v), { along: "T", causal: true });
      return linear(mixed, p.out);
    },
  );
