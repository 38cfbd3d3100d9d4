import { block, linear, scale, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const options = { by: 1 };
  options.by = 2; // error syntax/assign: objects and arrays do not change
  return scale(linear(x, p.w), options.by);
});

export default train(modelOf(Layer), settings);
