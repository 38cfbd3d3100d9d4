import { block, linear, rope, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ q: weight("D -> H N+R") }, (p, x: X) => {
  const unknown: Tensor<any> = linear(x, p.q);
  return rope(unknown, { along: "T", theta: 10_000, on: "U" }); // error shape/part: rope: U is no addend of N+R, the last dimension of x
});

export default train(modelOf(Layer), settings);
