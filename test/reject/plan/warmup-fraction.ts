import { cosine, train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  schedule: cosine({ warmup: 2.5 }), // error plan/schedule: cosine: warmup must be a whole number from 1 up; it is 2.5
});
