import { block, linear, rope, train, weight } from "mlac";
import { modelOf, settings, sizes, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A"), out: weight("H A -> D") }, (p, x: X) => {
  const q = rope(linear(x, p.q), { along: "T", theta: 10_000 }); // error shape/pairs: rope turns pairs of columns; A has 5, which is an odd number
  return linear(q, p.out);
});

export default train(modelOf(Layer), { ...settings, sizes: { ...sizes, A: 5 } });
