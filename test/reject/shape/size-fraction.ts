import { block, linear, train, weight } from "mlac";
import { modelOf, settings, sizes, type X } from "../parts/model.ts";

const Layer = block({
  up: weight("D -> F"), // error shape/size: the size of F is 2.5; it must be a whole number from 1
  down: weight("F -> D"),
}, (p, x: X) => {
  return linear(linear(x, p.up), p.down);
});

export default train(modelOf(Layer), { ...settings, sizes: { ...sizes, F: sizes.D / 3.2 } });
