import { cosine, train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  schedule: cosine({ warmup: 20 }), // error plan/schedule: cosine: warmup takes 20 steps; the training has 10
});
