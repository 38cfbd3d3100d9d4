import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  evaluate: { every: 0, batches: 4 }, // error plan/option: train: evaluate: every must be a whole number from 1 up; it is 0
});
