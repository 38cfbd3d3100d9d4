import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export const steps = process.env["STEPS"] ? 100 : 10; // error syntax/global: there is no process in it

export default train(Model, settings);
