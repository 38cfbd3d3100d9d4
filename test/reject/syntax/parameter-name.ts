import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({
  "q-proj": weight("D -> D"), // error syntax/parameter-name: a parameter cannot be called "q-proj"
}, (p, x: X) => {
  return linear(x, p["q-proj"]);
});

export default train(modelOf(Layer), settings);
