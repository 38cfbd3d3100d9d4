import { attention, block, linear, train, weight } from "mlac";
import { modelOf, settings, sizes, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A"), k: weight("D -> G A"), v: weight("D -> G A"), out: weight("H A -> D") }, (p, x: X) => {
  const [q, k, v] = [linear(x, p.q), linear(x, p.k), linear(x, p.v)];
  return linear(attention(q, k, v, { along: "T", causal: true }), p.out); // error shape/heads: attention: the 4 heads H of q cannot be shared out over the 3 heads G of k
});

export default train(modelOf(Layer), { ...settings, sizes: { ...sizes, G: 3 } });
