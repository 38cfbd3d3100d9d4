import { block, linear, part, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> N N+R") }, (p, x: X) => {
  const unknown: Tensor<any> = linear(x, p.q);
  return part(unknown, "N"); // error shape/twice: part: x is [B T N N+R], which already has a N before its last dimension
});

export default train(modelOf(Layer), settings);
