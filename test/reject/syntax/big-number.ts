import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export const seed = 10n; // error syntax/number: numbers in a model are ordinary ones

export default train(Model, settings);
