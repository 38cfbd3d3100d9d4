import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export * as parts from "../parts/model.ts"; // error syntax/import: export what is used by name

export default train(Model, settings);
