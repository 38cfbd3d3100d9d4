import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({
  w: weight("D -> D"),
  wrong: weight("D H N"), // error type/TS2345: weight: say what it reads and what it writes
}, (p, x: X) => {
  return linear(x, p.w);
});

export default train(modelOf(Layer), settings);
