import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  return linear(x, p.w) * 0.5; // error syntax/operator: tensors are not computed with *
});

export default train(modelOf(Layer), settings);
