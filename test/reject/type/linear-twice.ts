import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> T") }, (p, x: X) => {
  return linear(x, p.w) as unknown as X; // error type/TS2345: linear: x is [B T D], which already has the T that the weight writes
});

export default train(modelOf(Layer), settings);
