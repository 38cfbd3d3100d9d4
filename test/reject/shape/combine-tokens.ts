import { add, block, combine, dispatch, linear, route, router, silu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
  const routing = route(x, p.router, { topK: 2, score: "softmax", balance: "none" });
  const rows = linear(silu(linear(dispatch(x, routing), p.up)), p.down);
  return combine(add(x, x) as unknown as typeof rows, routing); // error shape/routing: combine: y is [B T D], but not of the rows that this routing dispatched
});

export default train(modelOf(Layer), settings);
