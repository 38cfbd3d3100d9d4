import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  batches: 4, // error type/TS2353: train has no option batches
});
