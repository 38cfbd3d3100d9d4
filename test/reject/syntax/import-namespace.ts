import * as mlac from "mlac"; // error syntax/import: import what is used by name
import { Model, settings } from "../parts/model.ts";

export default mlac.train(Model, settings);
