import { block, linear, router, train } from "mlac";
import { modelOf, settings, type X } from "../parts/model.ts";

const Layer = block({ scores: router("D -> E") }, (p, x: X) => {
  return linear(x, p.scores) as unknown as X; // error type/TS2345: linear takes a weight here; this is a router "D -> E"
});

export default train(modelOf(Layer), settings);
