import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const shape = "D D" as "D -> D";

const Layer = block({
  w: weight(shape), // error syntax/shape: "D D" is not the shape of a weight
}, (p, x: X) => {
  return linear(x, p.w);
});

export default train(modelOf(Layer), settings);
