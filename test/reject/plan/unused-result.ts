import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block(
  {
    w: weight("D -> D"),
    up: weight("D -> F"), // error plan/unused: the loss does not depend on layer.up
  },
  (p, x: X) => {
    linear(x, p.up);
    return linear(x, p.w);
  },
);

export default train(modelOf(Layer), settings);
