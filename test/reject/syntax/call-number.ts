import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const f = settings.steps as unknown as (x: X) => X;
  return linear(f(x), p.w); // error syntax/call: only a function or a block can be called; this is 10
});

export default train(modelOf(Layer), settings);
