import { block, embedding, linear, linearCrossEntropy, lookup, stack, type Targets, type Tokens, train, weight } from "mlac";
import { settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));
const Model = block(
  { embed: embedding("V -> D"), layers: stack(-1, Layer) }, // error plan/layers: the number of layers must be a whole number from 0 up; it is -1
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    let x = lookup(p.embed, tokens);
    for (const layer of p.layers) x = layer(x);
    return linearCrossEntropy(x, p.embed, targets);
  },
);

export default train(Model, settings);
