import { block, embedding, linear, linearCrossEntropy, lookup, stack, type Targets, type Tokens, train, weight } from "mlac";
import { settings, sizes, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));
const Model = block(
  {
    embed: embedding("V -> D"),
    L: stack(3, Layer), // error syntax/parameter-name: L is a stack here and a dimension in the sizes
  },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    let x = lookup(p.embed, tokens);
    for (const layer of p.L) x = layer(x);
    return linearCrossEntropy(x, p.embed, targets);
  },
);

const more = { ...sizes, L: 3 };

export default train(Model, { ...settings, sizes: more });
