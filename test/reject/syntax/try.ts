import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  try { // error syntax/throw: nothing can be thrown or caught in it
    return linear(x, p.w);
  } catch {
    return x;
  }
});

export default train(modelOf(Layer), settings);
