import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  debugger; // error syntax/debugger: there is nothing to debug
  return linear(x, p.w);
});

export default train(modelOf(Layer), settings);
