import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  ...({ epochs: 3 } as object), // error syntax/options: train has no option epochs
});
