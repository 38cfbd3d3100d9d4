import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ down: weight("F -> D") }, (p, x: X) => {
  return linear(x, p.down); // error type/TS2345: linear: the weight reads [F]; x is [B T D], which does not end in it
});

export default train(modelOf(Layer), settings);
