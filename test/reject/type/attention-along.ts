import { attention, block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A"), k: weight("D -> G A"), v: weight("D -> G A"), out: weight("H A -> D") }, (p, x: X) => {
  const [q, k, v] = [linear(x, p.q), linear(x, p.k), linear(x, p.v)];
  return linear(attention(q, k, v, { along: "B", causal: true }), p.out); // error type/TS2322: along is "B"; it must be "T"
});

export default train(modelOf(Layer), settings);
