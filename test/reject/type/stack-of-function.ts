import { block, linear, scale, stack, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const double = (x: X) => scale(x, 2);

const Layer = block({
  w: weight("D -> D"),
  layers: stack(2, double), // error type/TS2345: stack takes a block here; this is a function
}, (p, x: X) => {
  let y = linear(x, p.w);
  for (const layer of p.layers) y = layer(y);
  return y;
});

export default train(modelOf(Layer), settings);
