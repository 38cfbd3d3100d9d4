import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export function* widths() { // error syntax/generator: there are no generators in a model
  yield 64;
}

export default train(Model, settings);
