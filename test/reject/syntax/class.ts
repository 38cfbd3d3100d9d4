import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export class Attention { // error syntax/class: there are no classes in a model
  heads = 4;
}

export default train(Model, settings);
