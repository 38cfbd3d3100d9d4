import { block, embedding, linearCrossEntropy, lookup, type Targets, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  const x = lookup(p.embed, tokens);
  const y = lookup(p.embed, x as unknown as Tokens<"B T">); // error shape/integers: lookup: ids must be integers; [B T D] holds real numbers
  return linearCrossEntropy(y, p.embed, targets);
});

export default train(Model, settings);
