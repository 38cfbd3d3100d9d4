import { block, linear, rope, train, weight } from "mlac";
import { modelOf, settings, sizes, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H N+R"), out: weight("H N+R -> D") }, (p, x: X) => {
  const q = rope(linear(x, p.q), { along: "T", theta: 10_000, on: "R" }); // error shape/pairs: rope turns pairs of columns; R has 3, which is an odd number
  return linear(q, p.out);
});

export default train(modelOf(Layer), { ...settings, sizes: { ...sizes, R: 3 } });
