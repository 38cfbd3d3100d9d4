import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const { rows } = x as unknown as { rows: X }; // error syntax/destructure: { … } takes an object apart; this is a tensor [B T D]
  return linear(rows, p.w);
});

export default train(modelOf(Layer), settings);
