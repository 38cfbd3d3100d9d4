import { block, combine, dispatch, linear, route, router, silu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
  const routing = route(x, p.router, { topK: 2, score: "softmax", balance: { loss: -1 } }); // error shape/option: route: balance: loss must be a number from 0 up; it is -1
  return combine(linear(silu(linear(dispatch(x, routing), p.up)), p.down), routing);
});

export default train(modelOf(Layer), settings);
