import { block, gain, linear, rmsnorm, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ norm: gain("D"), w: weight("D -> D") }, (p, x: X) => {
  return linear(rmsnorm(x, p.norm, { eps: 0 }), p.w); // error shape/option: rmsnorm: eps must be a number above 0; it is 0
});

export default train(modelOf(Layer), settings);
