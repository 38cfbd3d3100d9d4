import { adamw, train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { weight: adamw({ lr: 1e-3 }), embeddings: adamw({ lr: 1e-3 }) }, // error type/TS2561: optimizer: the model has no parameters of the kind embeddings, and none of its own that is called embeddings
});
