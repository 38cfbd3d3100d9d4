import { block, dims, linear, rope, type Tensor, weight } from "mlac";
import { turn } from "./turn.ts";

export const sizes = dims({ B: 2, T: 8, V: 32, D: 16, W: 24, H: 4, G: 2, A: 4, unused: 0 });
export const norms = ["layer", "rms"] as const;
export const depth = 2;

export default function mixer({ theta }: { readonly theta: number }) {
  return block({ w: weight("D -> D") }, (p, x: Tensor<"B T D">) => rope(linear(x, p.w), turn(theta)));
}
