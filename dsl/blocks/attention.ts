/** Attention with keys and values of their own. Names: B sequences, T tokens, D width, H heads of width A. */
import { attention, block, linear, rope, type Tensor, weight } from "mlac";

type X = Tensor<"B T D">;

/** Every head has its own keys and values. `theta` is the base of the rotary wavelengths. */
export const multiHeadAttention = ({ theta }: { readonly theta: number }) =>
  block({ q: weight("D -> H A"), k: weight("D -> H A"), v: weight("D -> H A"), out: weight("H A -> D") }, (p, x: X) => {
    const turn = { along: "T", theta } as const;
    const q = rope(linear(x, p.q), turn);
    const k = rope(linear(x, p.k), turn);
    return linear(attention(q, k, linear(x, p.v), { along: "T", causal: true }), p.out);
  });

/** Grouped queries (Ainslie et al. 2023, arXiv 2305.13245): G heads of keys and values for H heads of queries; G divides H. */
export const groupedQueryAttention = ({ theta }: { readonly theta: number }) =>
  block({ q: weight("D -> H A"), k: weight("D -> G A"), v: weight("D -> G A"), out: weight("H A -> D") }, (p, x: X) => {
    const turn = { along: "T", theta } as const;
    const q = rope(linear(x, p.q), turn);
    const k = rope(linear(x, p.k), turn);
    return linear(attention(q, k, linear(x, p.v), { along: "T", causal: true }), p.out);
  });
