import { bias, block, gain, layernorm, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ g: gain("D"), b: bias("D"), w: weight("D -> D") }, (p, x: X) => {
  return linear(layernorm(x, p.g, p.b, { eps: -1e-5 }), p.w); // error shape/option: layernorm: eps must be a number above 0; it is -0.00001
});

export default train(modelOf(Layer), settings);
