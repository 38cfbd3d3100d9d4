import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  sizes: { B: 2, T: 8, V: 32 }, // error type/TS2741: sizes: D is missing
});
