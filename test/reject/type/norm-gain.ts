import { block, gain, linear, rmsnorm, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ up: weight("D -> F"), down: weight("F -> D"), norm: gain("D") }, (p, x: X) => {
  return linear(rmsnorm(linear(x, p.up), p.norm), p.down); // error type/TS2345: rmsnorm: the gain is over [D]; x is [B T F], whose last dimension is F
});

export default train(modelOf(Layer), settings);
