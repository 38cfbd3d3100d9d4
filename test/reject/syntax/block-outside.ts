import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Inner = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const f = Inner as unknown as (x: X) => X;
  return linear(f(x), p.w); // error syntax/block: a block has no parameters until it is one of another block's
});

export default train(modelOf(Layer), settings);
