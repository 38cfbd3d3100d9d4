import { block, embedding, linearCrossEntropy, lookup, type Targets, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D") }, (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
  const x = lookup(p.embed, tokens);
  return linearCrossEntropy(x, p.embed, tokens); // error type/TS2345: linearCrossEntropy takes targets [B T] here; this is tokens [B T]
});

export default train(Model, settings);
