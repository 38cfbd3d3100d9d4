import { adamw, block, embedding, linear, linearCrossEntropy, lookup, stack, type Targets, type Tokens, train, weight } from "mlac";
import { optimizer, settings, type X } from "../parts/model.ts";

const Layer = block({ w: weight("D -> D") }, (p, x: X) => linear(x, p.w));
const Model = block(
  { embed: embedding("V -> D"), layers: stack(3, Layer) },
  (p, tokens: Tokens<"B T">, targets: Targets<"B T">) => {
    let x = lookup(p.embed, tokens);
    for (const layer of p.layers) x = layer(x);
    return linearCrossEntropy(x, p.embed, targets);
  },
);

export default train(Model, {
  ...settings,
  optimizer: {
    ...optimizer,
    "layers.0.w": adamw({ lr: 1e-3 }), // error plan/one-layer: layers.0.w names one layer, but all layers of a stack are moved in the same way
  },
});
