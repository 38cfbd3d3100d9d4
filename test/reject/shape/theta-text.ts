import { block, linear, rope, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A"), out: weight("H A -> D") }, (p, x: X) => {
  const q = rope(linear(x, p.q), { along: "T", theta: "big" as unknown as number }); // error shape/option: rope: theta must be a number above 0; it is the string "big"
  return linear(q, p.out);
});

export default train(modelOf(Layer), settings);
