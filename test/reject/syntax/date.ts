import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const seed = Date.now(); // error syntax/global: there is no Date in it

export default train(Model, { ...settings, seed });
