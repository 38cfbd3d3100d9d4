import { block, embedding, linear, linearCrossEntropy, lookup, stack, train, weight, type Targets, type Tokens } from "mlac";
import { settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));
const Model = block({ embed: embedding("V -> D"), layers: stack(3, Layer) }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = lookup(p.embed, tokens);
  const outputs: X[] = [];
  for (const layer of p.layers) outputs.push(layer(x)); // error syntax/property: an array has no push in a model
  return linearCrossEntropy(x, p.embed, targets);
});

export default train(Model, settings);
