import { bias, block, gain, layernorm, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D"), gain: gain("D"), bias: bias("F") }, (p, x: X) => {
  return linear(layernorm(x, p.gain, p.bias), p.w); // error type/TS2345: layernorm: the bias is over [F]; x is [B T D], whose last dimension is D
});

export default train(modelOf(Layer), settings);
