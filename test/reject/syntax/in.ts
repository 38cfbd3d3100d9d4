import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export const clips = "clip" in settings; // error syntax/in: there is no `in` in a model

export default train(Model, settings);
