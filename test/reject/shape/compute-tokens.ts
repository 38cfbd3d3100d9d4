import { block, embedding, linearCrossEntropy, lookup, scale, type Targets, type Tensor, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  const doubled = scale(tokens as unknown as Tensor<"B T">, 2); // error shape/integers: scale takes real numbers
  return linearCrossEntropy(lookup(p.embed, doubled as unknown as Tokens<"B T">), p.embed, targets);
});

export default train(Model, settings);
