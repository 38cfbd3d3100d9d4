import { block, gain, linear, rmsnorm, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const shared = weight("D -> D");
const Layer = block({ norm: gain("D") }, (p, x: X) => linear(rmsnorm(x, p.norm), shared)); // error syntax/argument: this is the declaration of a parameter (weight)

export default train(modelOf(Layer), settings);
