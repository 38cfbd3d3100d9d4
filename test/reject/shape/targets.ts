import { block, embedding, linear, linearCrossEntropy, lookup, type Targets, type Tensor, type Tokens, train, weight } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D"), heads: weight("D -> H D") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  const x = lookup(p.embed, tokens);
  return linearCrossEntropy(linear(x, p.heads) as Tensor<any>, p.embed, targets); // error shape/targets: linearCrossEntropy: x is [B T H D]; the targets are [B T], not [B T H]
});

export default train(Model, settings);
