import { block, expand, linear, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H N") }, (p, x: X) => {
  const unknown: Tensor<any> = linear(x, p.q);
  return expand(unknown, "H"); // error shape/twice: expand: x is [B T H N], which already has the H
});

export default train(modelOf(Layer), settings);
