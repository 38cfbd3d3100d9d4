import { block, linear, rope, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A"), out: weight("H A -> D") }, (p, x: X) => {
  const q = rope(linear(x, p.q), { along: "T", theta: 0 }); // error shape/option: rope: theta must be a number above 0; it is 0
  return linear(q, p.out);
});

export default train(modelOf(Layer), settings);
