import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  steps: settings.steps / 4, // error plan/option: train: steps must be a whole number from 1 up; it is 2.5
});
