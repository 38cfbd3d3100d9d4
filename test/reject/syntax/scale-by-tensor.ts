import { block, linear, scale, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  return scale(linear(x, p.w), x as unknown as number); // error syntax/argument: scale takes a number known at compile time here; this is a tensor [B T D]
});

export default train(modelOf(Layer), settings);
