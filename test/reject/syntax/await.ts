import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const scale = await Promise.resolve(2); // error syntax/async: nothing in it can wait
export const twice = 2 * scale;

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  return linear(x, p.w);
});

export default train(modelOf(Layer), settings);
