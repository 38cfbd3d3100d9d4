import { block, combine, dispatch, linear, route, router, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ up: weight("D -> H A"), router: router("D -> E") }, (p, x: X) => {
  const heads: Tensor<any> = linear(x, p.up);
  const routing = route(x, p.router, { topK: 2, score: "softmax", balance: "none" });
  return combine(dispatch(heads, routing), routing); // error shape/tokens: dispatch: x is [B T H A]; the routing is of tokens [B T]
});

export default train(modelOf(Layer), settings);
