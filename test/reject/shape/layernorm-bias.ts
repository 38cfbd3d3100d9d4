import { bias, block, gain, layernorm, linear, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> F"), g: gain("F"), b: bias("D") }, (p, x: X) => {
  const unknown: Tensor<any> = linear(x, p.w);
  return layernorm(unknown, p.g, p.b); // error shape/bias: layernorm: the bias is over [D]; x is [B T F], whose last dimension is F
});

export default train(modelOf(Layer), settings);
