import { block, combine, dispatch, linear, route, router, silu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("F -> E"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
  const routing = route(x, p.router, { topK: 2, score: "softmax", balance: "none" }); // error type/TS2345: route: the router reads [F]; x is [B T D], which does not end in it
  return combine(linear(silu(linear(dispatch(x, routing), p.up)), p.down), routing);
});

export default train(modelOf(Layer), settings);
