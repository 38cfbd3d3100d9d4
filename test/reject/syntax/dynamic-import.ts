import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export const later = import("../parts/model.ts"); // error syntax/module: files are put together with import and export only

export default train(Model, settings);
