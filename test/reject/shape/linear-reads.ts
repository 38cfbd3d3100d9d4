import { block, linear, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ down: weight("F -> D") }, (p, x: X) => {
  const unknown: Tensor<any> = x;
  return linear(unknown, p.down); // error shape/reads: linear: the weight reads [F]; x is [B T D], which does not end in it
});

export default train(modelOf(Layer), settings);
