import { block, embedding, linearCrossEntropy, lookup, type Targets, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D") }, (p, tokens: Tokens<"B T">, _targets: Targets<"B T">) => {
  const x = lookup(p.embed, tokens);
  return linearCrossEntropy(x, p.embed, x as unknown as Targets<"B T">); // error shape/integers: linearCrossEntropy: targets must be integers; [B T D] holds real numbers
});

export default train(Model, settings);
