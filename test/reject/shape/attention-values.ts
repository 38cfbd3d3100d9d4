import { attention, block, linear, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A"), k: weight("D -> G A"), v: weight("D -> G A"), out: weight("H A -> D") }, (p, x: X) => {
  const [q, k, v] = [linear(x, p.q), linear(x, p.k), linear(x, p.v)];
  const y = attention(q, k, q as Tensor<any>, { along: "T", causal: true }); // error shape/attention: attention: k is [B T G A] and v is [B T H A]; they may differ in the last dimension only
  return linear(y as unknown as typeof q, p.out);
});

export default train(modelOf(Layer), settings);
