import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const key = "steps";

export default train(Model, { ...settings, [key]: 20 }); // error syntax/key: the key of an entry must be written out
