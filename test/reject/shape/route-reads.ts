import { block, combine, dispatch, linear, route, router, type Tensor, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ up: weight("D -> F"), router: router("D -> E") }, (p, x: X) => {
  const unknown: Tensor<any> = linear(x, p.up);
  const routing = route(unknown, p.router, { topK: 2, score: "softmax", balance: "none" }); // error shape/reads: route: the router reads [D]; x is [B T F], which does not end in it
  return combine(dispatch(x, routing as never), routing as never);
});

export default train(modelOf(Layer), settings);
