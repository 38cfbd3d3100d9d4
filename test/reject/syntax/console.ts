import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  console.log(x); // error syntax/global: there is no console in it
  return linear(x, p.w);
});

export default train(modelOf(Layer), settings);
