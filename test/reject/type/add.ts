import { add, block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> F") }, (p, x: X) => {
  return add(x, linear(x, p.w)); // error type/TS2345: add: [B T D] and [B T F] differ
});

export default train(modelOf(Layer), settings);
