import { block, embedding, linear, linearCrossEntropy, lookup, stack, train, weight, type Targets, type Tokens } from "mlac";
import { settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));
const Model = block({ embed: embedding("V -> D"), layers: stack(3, Layer) }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  let x = lookup(p.embed, tokens);
  let y: X | undefined;
  for (const layer of p.layers) y = layer(x); // error syntax/carried: so it must be a tensor with a value before the loop
  if (y) x = y;
  return linearCrossEntropy(x, p.embed, targets);
});

export default train(Model, settings);
