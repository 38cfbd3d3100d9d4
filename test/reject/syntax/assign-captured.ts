import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  let y = x;
  const step = () => {
    y = linear(y, p.w); // error syntax/assign-outside: y belongs to another function
  };
  step();
  return y;
});

export default train(modelOf(Layer), settings);
