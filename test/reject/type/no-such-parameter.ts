import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  return linear(x, p.weight); // error type/TS2339: p has no weight
});

export default train(modelOf(Layer), settings);
