import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  return typeof settings.steps === "number" ? linear(x, p.w) : x; // error syntax/typeof: there is no typeof in a model
});

export default train(modelOf(Layer), settings);
