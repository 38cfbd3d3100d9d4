import { add, block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const [a, b] = [1, 2].map(() => linear(x, p.w)); // error syntax/property: an array has no map in a model
  return a && b ? add(a, b) : x;
});

export default train(modelOf(Layer), settings);
