// options: --set own.T=0
import { block, dims, embedding, linearCrossEntropy, lookup, type Targets, type Tokens, train } from "mlac";
import { settings } from "../parts/model.ts";

const own = dims({ B: 2, T: 8, V: 32, D: 8 });
const Model = block(
  { embed: embedding("V -> D") },
  (
    p,
    tokens: Tokens<"B T">, // error shape/size: the size of T is 0
    targets: Targets<"B T">,
  ) => linearCrossEntropy(lookup(p.embed, tokens), p.embed, targets),
);

export default train(Model, { ...settings, sizes: own });
