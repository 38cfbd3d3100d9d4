import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block(
  {
    w: weight("D -> D"),
    spare: weight("D -> D"), // error plan/unused: the loss does not depend on layer.spare
  },
  (p, x: X) => linear(x, p.w),
);

export default train(modelOf(Layer), settings);
