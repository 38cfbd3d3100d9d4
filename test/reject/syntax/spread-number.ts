import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const pair = [...(4 as unknown as number[])]; // error syntax/spread: only an array can be spread here; this is 4
  return pair.length > 1 ? x : linear(x, p.w);
});

export default train(modelOf(Layer), settings);
