import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  clip: -1, // error plan/option: train: clip must be a number from 0 up; it is -1
});
