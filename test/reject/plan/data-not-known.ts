import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, {
  ...settings,
  data: { train: 3 as unknown as string, tokenizer: "byte" }, // error plan/option: train: data: train must be a text; it is 3
});
