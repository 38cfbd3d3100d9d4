import { block, embedding, linearCrossEntropy, lookup, type Targets, type Tokens, train, weight } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D"), head: weight("D -> V") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  const x = lookup(p.embed, tokens);
  return linearCrossEntropy(x, p.head, targets); // error type/TS2345: linearCrossEntropy takes an embedding here; this is a weight "D -> V"
});

export default train(Model, settings);
