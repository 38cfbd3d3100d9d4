import { attention, block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A"), k: weight("D -> G A"), v: weight("D -> G A"), out: weight("H A -> D") }, (p, x: X) => {
  const [q, k, v] = [linear(x, p.q), linear(x, p.k), linear(x, p.v)];
  const y = attention(q, k, v, { along: "T", causal: true, scale: -1 }); // error shape/option: attention: scale must be a number above 0; it is -1
  return linear(y as unknown as typeof q, p.out);
});

export default train(modelOf(Layer), settings);
