import { block, gain, linear, muon, rmsnorm, train, weight } from "mlac";
import { modelOf, optimizer, settings, type X } from "../parts/model.ts";

const Layer = block({ norm: gain("D"), w: weight("D -> D") }, (p, x: X) => linear(rmsnorm(x, p.norm), p.w));

export default train(modelOf(Layer), {
  ...settings,
  optimizer: {
    ...optimizer,
    "layer.norm": muon({ lr: 0.02 }), // error plan/muon-not-a-matrix: muon moves matrices; layer.norm [D] is a gain
  },
});
