import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Inner = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));

const Layer = block({ up: weight("D -> F"), inner: Inner }, (p, x: X) => {
  return p.inner(linear(x, p.up)); // error type/TS2345: p.inner takes a tensor [B T D] here; this is a tensor [B T F]
});

export default train(modelOf(Layer), settings);
