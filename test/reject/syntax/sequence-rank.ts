import { block, embedding, linearCrossEntropy, lookup, type Targets, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const Model = block(
  { embed: embedding("V -> D") },
  (
    p,
    tokens: Tokens<"T">, // error syntax/model-inputs: the model reads sequences, [B T]; this is [T]
    targets: Targets<"T">,
  ) => linearCrossEntropy(lookup(p.embed, tokens), p.embed, targets),
);

export default train(Model, settings);
