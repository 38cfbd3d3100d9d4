import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  let left = 3;
  while (left > 0) left -= 1; // error syntax/loop: the only loop is for … of, over a stack or an array
  return linear(x, p.w);
});

export default train(modelOf(Layer), settings);
