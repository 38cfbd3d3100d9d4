import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  let y = x;
  for (const row of x as unknown as X[]) y = linear(row, p.w); // error syntax/loop: this is a tensor [B T D]
  return y;
});

export default train(modelOf(Layer), settings);
