import { block, linear, swiglu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ gate: weight("D -> F"), up: weight("D -> F") }, (p, x: X) => {
  return swiglu(linear(x, p.gate), linear(x, p.up));
});

export default train(modelOf(Layer), settings); // error type/TS2345: modelOf takes a block that gives a tensor [B T D] here; this is a block that gives a tensor [B T F]
