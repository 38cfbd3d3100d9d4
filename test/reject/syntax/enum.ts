import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export enum Score { // error syntax/enum: there are no enums in a model
  Softmax,
  Sigmoid,
}

export default train(Model, settings);
