import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  evaluate: { every: 10 }, // error type/TS2741: evaluate: batches is missing
});
