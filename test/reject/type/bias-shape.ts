import { bias, block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({
  w: weight("D -> D"),
  wrong: bias(""), // error type/TS2345: bias: say which one dimension it is over
}, (p, x: X) => {
  return linear(x, p.w);
});

export default train(modelOf(Layer), settings);
