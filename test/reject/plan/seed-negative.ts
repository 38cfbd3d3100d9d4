import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  seed: -1, // error plan/option: train: seed must be a whole number from 0 up; it is -1
});
