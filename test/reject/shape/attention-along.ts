import { attention, block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A"), k: weight("D -> G A"), v: weight("D -> G A"), out: weight("H A -> D") }, (p, x: X) => {
  const [q, k, v] = [linear(x, p.q), linear(x, p.k), linear(x, p.v)];
  const y = attention(q, k, v, { along: "B" as "T", causal: true }); // error shape/along: attention: B must stand just before the heads of q, [B T H A]
  return linear(y as unknown as typeof q, p.out);
});

export default train(modelOf(Layer), settings);
