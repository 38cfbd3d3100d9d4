import { block, embedding, linear, linearCrossEntropy, lookup, scale, stack, train, weight, type Targets, type Tokens } from "mlac";
import { settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));
const Model = block({ embed: embedding("V -> D"), layers: stack(3, Layer) }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = lookup(p.embed, tokens);
  if (p.layers.length > 2) x = scale(x, 2); // error syntax/stack-method: a stack has no .length
  for (const layer of p.layers) x = layer(x);
  return linearCrossEntropy(x, p.embed, targets);
});

export default train(Model, settings);
