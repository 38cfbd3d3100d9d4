import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  return "relu".startsWith("re") ? linear(x, p.w) : x; // error syntax/property: the string "relu" has no startsWith in a model
});

export default train(modelOf(Layer), settings);
