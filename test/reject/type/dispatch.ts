import { block, combine, dispatch, linear, route, router, silu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
  const routing = route(x, p.router, { topK: 2, score: "softmax", balance: "none" });
  const rows = dispatch(dispatch(x, routing), routing); // error type/TS2345: dispatch: x is [E rows D]; the routing is of tokens [B T]
  return combine(linear(silu(linear(rows, p.up)), p.down), routing);
});

export default train(modelOf(Layer), settings);
