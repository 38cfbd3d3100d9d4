import { add, block, linear, scale, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  let y = x;
  for (const name in { a: 1, b: 2 }) y = add(y, scale(linear(x, p.w), name.length)); // error syntax/loop: how often something is repeated
  return y;
});

export default train(modelOf(Layer), settings);
