import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({
  up: weight("D -> H A"),
  down: weight("H A -> D D"), // error syntax/shape: layer.down has the dimension D twice
}, (p, x: X) => {
  return linear(linear(x, p.up), p.down) as unknown as X;
});

export default train(modelOf(Layer), settings);
