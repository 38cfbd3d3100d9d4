import { block, embedding, linear, linearCrossEntropy, lookup, stack, train, weight, type Targets, type Tokens } from "mlac";
import { settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));
const Model = block({ embed: embedding("V -> D"), layers: stack(3, Layer) }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = lookup(p.embed, tokens);
  x = p.layers[0](x); // error syntax/stack-element: the layers of a stack are all alike and have no numbers
  return linearCrossEntropy(x, p.embed, targets);
});

export default train(Model, settings);
