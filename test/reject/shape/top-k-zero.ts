import { block, combine, dispatch, linear, route, router, silu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
  const routing = route(x, p.router, { topK: 0, score: "softmax", balance: "none" }); // error shape/option: route: topK must be a whole number from 1 to 4; it is 0
  return combine(linear(silu(linear(dispatch(x, routing), p.up)), p.down), routing);
});

export default train(modelOf(Layer), settings);
