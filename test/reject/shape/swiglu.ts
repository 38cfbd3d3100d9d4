import { block, linear, swiglu, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ gate: weight("D -> F") }, (p, x: X) => {
  const gate: Tensor<any> = linear(x, p.gate);
  return swiglu(gate, x); // error shape/same: swiglu: gate is [B T F] and up is [B T D]; they must be the same
});

export default train(modelOf(Layer), settings);
