import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  sizes: undefined as unknown as typeof settings.sizes, // error plan/option: train: sizes must be an object, dims({ … })
});
