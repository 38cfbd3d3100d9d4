import { block, embedding, linearCrossEntropy, lookup, type Targets, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  const x = lookup(p.embed, targets); // error type/TS2345: lookup takes tokens here; this is targets [B T]
  return linearCrossEntropy(x, p.embed, targets);
});

export default train(Model, settings);
