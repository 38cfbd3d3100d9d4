import { adamw, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { ...optimizer, embedding: adamw({ lr: 3e-3, eps: 0 }) }, // error plan/optimizer: adamw: eps must be a number above 0; it is 0
});
