import { block, embedding, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({
  w: weight("D -> D"),
  wrong: embedding("V, D"), // error type/TS2345: embedding: say what it has a row for and how wide it is
}, (p, x: X) => {
  return linear(x, p.w);
});

export default train(modelOf(Layer), settings);
