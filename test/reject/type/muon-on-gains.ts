import { block, gain, linear, muon, rmsnorm, train, weight } from "mlac";
import { modelOf, optimizer, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D"), norm: gain("D") }, (p, x: X) => linear(rmsnorm(x, p.norm), p.w));

export default train(modelOf(Layer), {
  ...settings,
  optimizer: { ...optimizer, gain: muon({ lr: 0.02 }) }, // error type/TS2322: muon moves matrices, and a gain is none
});
