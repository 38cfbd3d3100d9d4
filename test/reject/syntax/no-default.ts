import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export const plan = train(Model, settings); // error syntax/no-plan: the file says nothing about how to train a model
