import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  return (-linear(x, p.w)) as unknown as X; // error syntax/operator: - is for numbers known at compile time; this is a tensor [B T D]
});

export default train(modelOf(Layer), settings);
