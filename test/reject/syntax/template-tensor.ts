import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => {
  const name = `${x}`; // error syntax/text: only constants can be put into a text; this is a tensor [B T D]
  return name === "x" ? x : linear(x, p.w);
});

export default train(modelOf(Layer), settings);
