import { block, embedding, linearCrossEntropy, lookup, type Targets, type Tokens, train } from "mlac";
import { settings, sizes } from "../parts/model.ts";

const Model = block(
  { embed: embedding("V -> D") },
  (
    p,
    tokens: Tokens<"B T">, // error shape/size: the size of T is -8
    targets: Targets<"B T">,
  ) => linearCrossEntropy(lookup(p.embed, tokens), p.embed, targets),
);

export default train(Model, { ...settings, sizes: { ...sizes, T: -8 } });
