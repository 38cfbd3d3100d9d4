import { block, expand, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const heads = expand(linear(x, p.w), "Z"); // error shape/size: there is no size for Z
  return linear(heads as unknown as X, p.w);
});

export default train(modelOf(Layer), settings);
