import { adamw, train } from "mlac";
import { Model, optimizer, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  optimizer: { ...optimizer, embedding: adamw({ lr: 3e-3, betas: [0.9, 1] }) }, // error plan/optimizer: adamw: betas must be two numbers from 0 to 1, 1 left out
});
