import { block, concat, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H N"), shared: weight("D -> R"), out: weight("H N+R -> D") }, (p, x: X) => {
  return linear(concat(linear(x, p.q), linear(x, p.shared)), p.out); // error type/TS2345: concat: [B T H N] and [B T R] must differ in the last dimension only
});

export default train(modelOf(Layer), settings);
