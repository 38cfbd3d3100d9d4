import { block, embedding, linearCrossEntropy, lookup, type Targets, type Tensor, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D"), head: embedding("V -> F") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  const x: Tensor<any> = lookup(p.embed, tokens);
  return linearCrossEntropy(x, p.head, targets); // error shape/reads: linearCrossEntropy: the embedding is [V F]; x is [B T D], whose last dimension is D
});

export default train(Model, settings);
