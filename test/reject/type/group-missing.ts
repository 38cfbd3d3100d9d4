import { adamw, train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { weight: adamw({ lr: 1e-3 }) }, // error type/TS2322: optimizer: embedding is missing
});
