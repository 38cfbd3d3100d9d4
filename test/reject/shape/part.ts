import { block, linear, part, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> N+R") }, (p, x: X) => {
  const unknown: Tensor<any> = linear(x, p.q);
  return part(unknown, "U"); // error shape/part: part: U is no addend of N+R, the last dimension of x
});

export default train(modelOf(Layer), settings);
