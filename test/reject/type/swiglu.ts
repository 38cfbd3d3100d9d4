import { block, linear, swiglu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ gate: weight("D -> F"), down: weight("F -> D") }, (p, x: X) => {
  return linear(swiglu(linear(x, p.gate), x), p.down); // error type/TS2345: swiglu: [B T F] and [B T D] differ
});

export default train(modelOf(Layer), settings);
