import { block, linear, rope, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H N+R"), out: weight("H N+R -> D") }, (p, x: X) => {
  const q = rope(linear(x, p.q), { along: "T", theta: 10_000, on: "U" }); // error type/TS2322: on is "U"; it must be "N" or "R"
  return linear(q, p.out);
});

export default train(modelOf(Layer), settings);
