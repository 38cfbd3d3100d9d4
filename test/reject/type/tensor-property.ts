import { block, linear, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x.T, p.w)); // error type/TS2339: x has no T: it is a tensor

export default train(modelOf(Layer), settings);
