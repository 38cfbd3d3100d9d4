import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  checkpoint: { every: 5, keep: 0 }, // error plan/option: train: checkpoint: keep must be a whole number from 1 up; it is 0
});
