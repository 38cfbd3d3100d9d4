import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  sample: { every: 5, prompt: "In", tokens: 0 }, // error plan/option: train: sample: tokens must be a whole number from 1 up; it is 0
});
