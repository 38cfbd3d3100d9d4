import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const y = linear(x, p.w);
  return !y ? x : y; // error syntax/condition: this is a tensor [B T D]
});

export default train(modelOf(Layer), settings);
