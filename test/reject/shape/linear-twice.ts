import { block, linear, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> T") }, (p, x: X) => {
  const unknown: Tensor<any> = x;
  return linear(unknown, p.w); // error shape/twice: linear: x is [B T D], which already has the T that the weight writes
});

export default train(modelOf(Layer), settings);
