import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  accumulate: 0, // error plan/option: train: accumulate must be a whole number from 1 up; it is 0
});
