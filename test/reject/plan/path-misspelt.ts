import { adamw, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { ...optimizer, "lyer.w": adamw({ lr: 1e-3 }) }, // error plan/no-parameter: no parameter has a path like lyer.w
});
