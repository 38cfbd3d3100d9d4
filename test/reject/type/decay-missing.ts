import { train, wsd } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  schedule: wsd({ warmup: 2 }), // error type/TS2345: wsd: decay is missing
});
