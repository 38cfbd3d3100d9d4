import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const name = x + "!"; // error syntax/operator: + is for numbers known at compile time; this is a tensor [B T D]
  return name.length > 1 ? linear(x, p.w) : x;
});

export default train(modelOf(Layer), settings);
