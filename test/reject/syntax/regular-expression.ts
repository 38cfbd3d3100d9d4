import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export const digits = /[0-9]+/; // error syntax/pattern: there are no regular expressions in a model

export default train(Model, settings);
