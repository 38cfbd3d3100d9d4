import { add, block, linear, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> F") }, (p, x: X) => {
  const unknown: Tensor<any> = linear(x, p.w);
  return add(x, unknown); // error shape/same: add: a is [B T D] and b is [B T F]; they must be the same
});

export default train(modelOf(Layer), settings);
