import { block, linear, rope, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H A") }, (p, x: X) => {
  const unknown: Tensor<any> = linear(x, p.q);
  return rope(unknown, { along: "S", theta: 10_000 }); // error shape/along: rope: x is [B T H A], which has no S before its last dimension
});

export default train(modelOf(Layer), settings);
