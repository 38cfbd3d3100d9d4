import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  let y = x;
  y -= linear(x, p.w); // error syntax/operator: tensors are not computed with -=
  return y;
});

export default train(modelOf(Layer), settings);
