/**
 * Mixtures of experts: each token goes through a few of many feed-forward blocks, and no token is dropped.
 * Names: B sequences, T tokens, D width, E experts of hidden width F, S hidden width of the shared experts together.
 */
import { add, type Balance, block, combine, dispatch, linear, route, router, swiglu, type Tensor, weight } from "mlac";

type X = Tensor<"B T D">;

export interface Experts {
  /** Experts a token. */
  readonly topK: number;
  readonly score: "softmax" | "sigmoid";
  /** What the chosen experts' weights, which sum to 1, are multiplied by; 1 by default. */
  readonly scale?: number;
  readonly balance: Balance;
}

/** Routed experts beside one that all tokens share: DeepSeekMoE (Dai et al. 2024, arXiv 2401.06066). */
export const deepSeekMoe = ({ topK, score, scale = 1, balance }: Experts) =>
  block(
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
      const routing = route(x, p.router, { topK, score, scale, balance });
      const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
      const routed = linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down);
      const shared = linear(swiglu(linear(x, p.sharedGate), linear(x, p.sharedUp)), p.sharedDown);
      return add(combine(routed, routing), shared);
    },
  );

/** Routed experts only. */
export const routedMoe = ({ topK, score, scale = 1, balance }: Experts) =>
  block({ router: router("D -> E"), gate: weight("E: D -> F"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
    const routing = route(x, p.router, { topK, score, scale, balance });
    const rows = dispatch(x, routing); // [E rows D]: the tokens of each expert
    return combine(linear(swiglu(linear(rows, p.gate), linear(rows, p.up)), p.down), routing);
  });
