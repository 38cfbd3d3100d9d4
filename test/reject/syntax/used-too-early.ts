import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const y = f();
  function f() {
    return linear(z, p.w); // error syntax/order: z is used before it has a value
  }
  const z = x;
  return y;
});

export default train(modelOf(Layer), settings);
