import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("E: D -> F") }, (p, x: X) => {
  return linear(x, p.w) as unknown as X; // error type/TS2345: linear: the weight has a matrix for each E; x is [B T D], which does not begin with it
});

export default train(modelOf(Layer), settings);
