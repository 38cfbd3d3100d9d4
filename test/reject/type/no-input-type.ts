import { block, linear, train, weight } from "mlac";
import { modelOf, settings } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x) => linear(x, p.w)); // error type/TS2345: linear takes a tensor here; of x no type is known

export default train(modelOf(Layer), settings);
