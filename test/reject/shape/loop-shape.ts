import { block, expand, linear, stack, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Inner = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));

const Layer = block({ layers: stack(2, Inner), out: weight("H D -> D") }, (p, x: X) => {
  let y: Tensor<any> = x;
  for (const layer of p.layers) y = expand(layer(y), "H"); // error shape/carried: y is [B T D] before the loop and [B T H D] after a layer
  return linear(y, p.out);
});

export default train(modelOf(Layer), settings);
