import { block, embedding, lookup, type Targets, type Tensor, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D") }, (p, tokens: Tokens<"B T">, _targets: Targets<"B T">) => { // error shape/loss: the model must give its loss, a scalar, as linearCrossEntropy does; this is a tensor [B T D]
  const unknown: Tensor<any> = lookup(p.embed, tokens);
  return unknown;
});

export default train(Model, settings);
