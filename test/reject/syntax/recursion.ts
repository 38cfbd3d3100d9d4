import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const again = (y: X): X => again(linear(y, p.w)); // error syntax/recursion: again calls itself
  return again(x);
});

export default train(modelOf(Layer), settings);
