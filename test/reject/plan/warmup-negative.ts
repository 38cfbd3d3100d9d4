import { constant, train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  schedule: constant({ warmup: -0.1 }), // error plan/schedule: constant: warmup must be a number from 0 up; it is -0.1
});
