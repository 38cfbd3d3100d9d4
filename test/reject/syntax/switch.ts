import { block, linear, relu, silu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const activation: string = "relu";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const y = linear(x, p.w);
  switch (activation) { // error syntax/switch: there is no switch in a model
    case "relu":
      return relu(y);
    default:
      return silu(y);
  }
});

export default train(modelOf(Layer), settings);
