import { block, expand, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H N"), out: weight("H N -> D") }, (p, x: X) => {
  return linear(expand(linear(x, p.q), "H"), p.out); // error type/TS2345: expand: x is [B T H N], which already has H
});

export default train(modelOf(Layer), settings);
