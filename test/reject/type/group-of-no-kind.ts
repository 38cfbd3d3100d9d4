import { adamw, muon, train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: {
    weight: muon({ lr: 0.02 }),
    embedding: adamw({ lr: 3e-3 }),
    bias: adamw({ lr: 3e-3 }), // error type/TS2353: optimizer: the model has no parameters of the kind bias
  },
});
