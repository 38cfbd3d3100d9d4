import { block, combine, dispatch, gain, linear, rmsnorm, route, router, train, weight } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ router: router("D -> E"), w: weight("E: D -> D"), routerBias: gain("D") }, (p, x: X) => {
  const routing = route(x, p.router, { topK: 2, score: "sigmoid", balance: { bias: 0.001 } }); // error syntax/parameter-name: layer.routerBias is the name of the expert biases of layer.router
  return rmsnorm(combine(linear(dispatch(x, routing), p.w), routing), p.routerBias);
});

export default train(modelOf(Layer), settings);
