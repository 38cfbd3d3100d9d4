import { block, linear, rope, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A"), out: weight("H A -> D") }, (p, x: X) => {
  const q = rope(linear(x, p.q), { along: "S", theta: 10_000 }); // error type/TS2322: along is "S"; it must be "B", "H" or "T"
  return linear(q, p.out);
});

export default train(modelOf(Layer), settings);
