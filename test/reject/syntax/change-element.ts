import { block, linear, scale, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const factors = [1, 2];
  factors[0] = 3; // error syntax/assign: objects and arrays do not change
  return scale(linear(x, p.w), factors[0] ?? 1);
});

export default train(modelOf(Layer), settings);
