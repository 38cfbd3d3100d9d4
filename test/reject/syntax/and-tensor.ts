import { block, linear, relu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  return linear(x, p.w) && relu(x); // error syntax/condition: this is a tensor [B T D]
});

export default train(modelOf(Layer), settings);
