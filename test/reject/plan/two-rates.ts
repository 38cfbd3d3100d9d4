import { add, block, combine, dispatch, linear, route, router, silu, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E"), up: weight("E: D -> F"), down: weight("E: F -> D") }, (p, x: X) => {
  const first = route(x, p.router, { topK: 2, score: "sigmoid", balance: { bias: 0.001 } });
  const second = route(x, p.router, { topK: 1, score: "sigmoid", balance: { bias: 0.002 } }); // error plan/two-rates: the bias of layer.router is moved by 0.002 here and by 0.001 elsewhere
  const y = combine(linear(silu(linear(dispatch(x, first), p.up)), p.down), first);
  return add(y, combine(linear(silu(linear(dispatch(x, second), p.up)), p.down), second));
});

export default train(modelOf(Layer), settings);
