import { block, combine, dispatch, linear, route, router, silu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
  const routing = route(x, p.router, { topK: 2, score: "softmax", balance: "none" });
  const other = route(x, p.router, { topK: 2, score: "softmax", balance: "none" });
  const rows = linear(silu(linear(dispatch(x, routing), p.up)), p.down);
  return combine(rows, other); // error shape/routing: combine: y is [E rows D], but not of the rows that this routing dispatched
});

export default train(modelOf(Layer), settings);
