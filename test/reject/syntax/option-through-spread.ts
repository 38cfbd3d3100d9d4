import { block, gain, linear, rmsnorm, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const precise = { epsilon: 1e-8 } as { eps?: number }; // error syntax/options: rmsnorm has no option epsilon

const Layer = block({ w: weight("D -> D"), norm: gain("D") }, (p, x: X) => {
  return rmsnorm(linear(x, p.w), p.norm, { ...precise }); // the editor lets this pass
});

export default train(modelOf(Layer), settings);
