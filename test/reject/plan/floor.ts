import { cosine, train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  schedule: cosine({ floor: 2 }), // error plan/schedule: cosine: floor must be a number from 0 to 1; it is 2
});
