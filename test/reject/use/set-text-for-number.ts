// options: --set width=wide
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const width = 8; // error use/set: --set width=wide: width is a number in the model

export default train(Model, { ...settings, steps: width });
