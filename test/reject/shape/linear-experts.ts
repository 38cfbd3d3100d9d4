import { block, linear, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("E: D -> D") }, (p, x: X) => {
  const unknown: Tensor<any> = x;
  return linear(unknown, p.w); // error shape/experts: linear: the weight has a matrix for each E; x is [B T D]
});

export default train(modelOf(Layer), settings);
