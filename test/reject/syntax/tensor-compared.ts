import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  return x > 0 ? linear(x, p.w) : x; // error syntax/operator: tensors are not computed with >
});

export default train(modelOf(Layer), settings);
