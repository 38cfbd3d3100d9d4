import { block, linear, rope, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A"), out: weight("H A -> D") }, (p, x: X) => {
  const q = rope(linear(x, p.q), { along: 3 as unknown as "T", theta: 10_000 }); // error shape/option: rope: along must be a text; it is 3
  return linear(q, p.out);
});

export default train(modelOf(Layer), settings);
