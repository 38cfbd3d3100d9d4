import { train, wsd } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  schedule: wsd({ warmup: 4, decay: 0.7 }), // error plan/schedule: wsd: warmup and decay take 11 steps; the training has 10
});
