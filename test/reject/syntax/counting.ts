import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  let y = x;
  for (let i = 0; i < 3; i++) y = linear(y, p.w); // error syntax/loop: the only loop is for … of
  return y;
});

export default train(modelOf(Layer), settings);
