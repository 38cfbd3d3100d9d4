import { block, embedding, lookup, type Targets, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block({ embed: embedding("V -> D") }, (p, tokens: Tokens<"B T">, _targets: Targets<"B T">) => {
  return lookup(p.embed, tokens);
});

export default train(Model, settings); // error type/TS2345: train: the model gives [B T D]; it must give the loss, a scalar
