import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block(
  {
    w: weight("D -> D", { std: -0.02 }), // error plan/option: weight: std must be a number from 0 up; it is -0.02
  },
  (p, x: X) => linear(x, p.w),
);

export default train(modelOf(Layer), settings);
