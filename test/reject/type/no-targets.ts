import { block, embedding, linearCrossEntropy, lookup, type Targets, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D") }, (p, tokens: Tokens<"B T">) => {
  return linearCrossEntropy(lookup(p.embed, tokens), p.embed, tokens as unknown as Targets<"B T">);
});

export default train(Model, settings); // error type/TS2345: train: the model must take (tokens: Tokens<"B T">, targets: Targets<"B T">)
