import { block, combine, dispatch, expand, linear, route, router, silu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
  const routing = route(x, p.router, { topK: 2, score: "softmax", balance: "none" });
  const rows = linear(silu(linear(dispatch(x, routing), p.up)), p.down);
  return combine(expand(rows, "H") as unknown as typeof rows, routing); // error shape/rows: combine takes the experts' rows [E rows D]; got [E rows H D]
});

export default train(modelOf(Layer), settings);
