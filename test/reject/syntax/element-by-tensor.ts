import { block, linear, scale, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const factor = [1, 2][x as unknown as number]; // error syntax/element: an element is named by a constant; this is a tensor [B T D]
  return scale(linear(x, p.w), factor ?? 1);
});

export default train(modelOf(Layer), settings);
