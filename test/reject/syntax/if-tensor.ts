import { block, linear, relu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const y = linear(x, p.w);
  if (y) return relu(y); // error syntax/condition: a condition must be known at compile time; this is a tensor [B T D]
  return x;
});

export default train(modelOf(Layer), settings);
