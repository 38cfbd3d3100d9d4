import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const steps = 2 * epochs; // error type/TS2448: used before its declaration
const epochs = 3;

export default train(Model, { ...settings, steps });
