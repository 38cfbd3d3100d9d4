import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  let y = x;
  outer: for (const n of [1, 2]) y = n > 1 ? linear(y, p.w) : y; // error syntax/label: there are no labels in a model
  return y;
});

export default train(modelOf(Layer), settings);
