import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  steps: "100", // error type/TS2322: Type 'string' is not assignable to type 'number'
});
