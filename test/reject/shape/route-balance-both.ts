import { block, combine, dispatch, linear, route, router, silu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
  const balance = { loss: 0.01, bias: 0.001 } as unknown as { loss: number };
  const routing = route(x, p.router, { topK: 2, score: "softmax", balance }); // error shape/option: route: balance must be by loss or by bias; it is both
  return combine(linear(silu(linear(dispatch(x, routing), p.up)), p.down), routing);
});

export default train(modelOf(Layer), settings);
