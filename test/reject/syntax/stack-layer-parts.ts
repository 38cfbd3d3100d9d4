import { block, embedding, linear, linearCrossEntropy, lookup, stack, train, weight, type Targets, type Tokens } from "mlac";
import { settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));
const Model = block({ embed: embedding("V -> D"), layers: stack(3, Layer) }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = lookup(p.embed, tokens);
  for (const [layer] of p.layers as unknown as ((x: X) => X)[][]) if (layer) x = layer(x); // error syntax/loop: a layer of a stack is a function and has no parts here
  return linearCrossEntropy(x, p.embed, targets);
});

export default train(Model, settings);
