// options: --set deep=1
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const deep = false; // error use/set: --set deep=1: deep is a choice of true or false in the model

export default train(Model, { ...settings, steps: deep ? 20 : 10 });
