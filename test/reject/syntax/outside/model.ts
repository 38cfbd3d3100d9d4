import { train } from "mlac";
import { Model, settings } from "../../parts/model.ts"; // error syntax/import: lies outside of the model's project

export default train(Model, settings);
