import { block, combine, dispatch, linear, mul, route, router, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
  const routing = route(x, p.router, { topK: 2, score: "softmax", balance: "none" });
  const other = route(x, p.router, { topK: 2, score: "softmax", balance: "none" });
  const up = linear(dispatch(x, routing), p.up);
  const rows = mul(up, linear(dispatch(x, other), p.up)); // error shape/routing: mul: these rows were dispatched by another routing
  return combine(linear(rows, p.down), routing);
});

export default train(modelOf(Layer), settings);
