import { block, embedding, linear, linearCrossEntropy, lookup, stack, train, weight, type Targets, type Tokens } from "mlac";
import { settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));
const Model = block({ embed: embedding("V -> D"), layers: stack(3, Layer) }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = lookup(p.embed, tokens);
  let last = (y: X) => y;
  for (const layer of p.layers) last = layer; // error syntax/carried: last goes from layer to layer of layers, so it must be a tensor; this is a function
  x = last(x);
  return linearCrossEntropy(x, p.embed, targets);
});

export default train(Model, settings);
