import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  return linear(p.w, x); // error type/TS2345: linear takes a tensor here; this is a weight "D -> D"
});

export default train(modelOf(Layer), settings);
