import { block, linear, router, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({
  w: weight("D -> D"),
  wrong: router("E"), // error type/TS2345: router: say what it reads and what the experts are called
}, (p, x: X) => {
  return linear(x, p.w);
});

export default train(modelOf(Layer), settings);
