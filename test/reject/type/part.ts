import { block, linear, part, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H N+R"), out: weight("H N -> D") }, (p, x: X) => {
  return linear(part(linear(x, p.q), "U"), p.out); // error type/TS2345: part: x is [B T H N+R], whose last dimension is N+R, with no U in it
});

export default train(modelOf(Layer), settings);
