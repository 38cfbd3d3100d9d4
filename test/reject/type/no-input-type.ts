import { block, linear, train, weight } from "mlac";
import { modelOf, settings } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x) => linear(x, p.w)); // error type/TS2345: Argument of type 'unknown' is not assignable

export default train(modelOf(Layer), settings);
