import { block, gain, linear, rmsnorm, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> F"), norm: gain("D") }, (p, x: X) => {
  const unknown: Tensor<any> = linear(x, p.w);
  return rmsnorm(unknown, p.norm); // error shape/gain: rmsnorm: the gain is over [D]; x is [B T F], whose last dimension is F
});

export default train(modelOf(Layer), settings);
