import { block, linear, scale, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  let by = 0;
  by ||= 2; // error syntax/assign: ||= is hard to read
  return scale(linear(x, p.w), by);
});

export default train(modelOf(Layer), settings);
