import { block, combine, route, router, train } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E") }, (p, x: X) => {
  const routing = route(x, p.router, { topK: 2, score: "softmax", balance: "none" });
  return combine(x, routing); // error type/TS2345: combine: y is [B T D]; it must be rows of experts, [E rows …]
});

export default train(modelOf(Layer), settings);
