import { block, embedding, linear, linearCrossEntropy, lookup, stack, type Targets, type Tokens, train, weight } from "mlac";
import { settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w)); // error plan/unused: the loss does not depend on layers.w
const Model = block(
  { embed: embedding("V -> D"), layers: stack(3, Layer) },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    const x = lookup(p.embed, tokens);
    return linearCrossEntropy(x, p.embed, targets);
  },
);

export default train(Model, settings);
