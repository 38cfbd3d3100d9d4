import { block, linear, scale, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({
  w: weight("D -> D"),
  factor: 0.5 as unknown as ReturnType<typeof weight>, // error syntax/parameter: factor is 0.5
}, (p, x: X) => {
  return scale(linear(x, p.w), p.factor as unknown as number);
});

export default train(modelOf(Layer), settings);
