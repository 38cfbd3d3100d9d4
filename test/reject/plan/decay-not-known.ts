import { train, wsd } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  schedule: wsd({ decay: undefined as unknown as number }), // error plan/schedule: wsd: decay must be a number from 0 up; it is missing
});
