import { block, lineer, train, weight } from "mlac"; // error type/TS2724: has no exported member named 'lineer'. Did you mean 'linear'?
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => lineer(x, p.w));

export default train(modelOf(Layer), settings);
