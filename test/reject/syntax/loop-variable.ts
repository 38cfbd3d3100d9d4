import { block, linear, scale, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  let n = 0;
  let y = linear(x, p.w);
  for (n of [1, 2]) y = scale(y, n); // error syntax/loop: a loop has a variable of its own
  return y;
});

export default train(modelOf(Layer), settings);
