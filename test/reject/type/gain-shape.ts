import { block, gain, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({
  w: weight("D -> D"),
  wrong: gain("H A"), // error type/TS2345: gain: say which one dimension it is over
}, (p, x: X) => {
  return linear(x, p.w);
});

export default train(modelOf(Layer), settings);
