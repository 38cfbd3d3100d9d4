import { block, concat, linear, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H N"), shared: weight("D -> R") }, (p, x: X) => {
  const unknown: Tensor<any> = linear(x, p.shared);
  return concat(linear(x, p.q), unknown) as Tensor<any>; // error shape/concat: concat: [B T H N] and [B T R] must differ in the last dimension only
});

export default train(modelOf(Layer), settings);
