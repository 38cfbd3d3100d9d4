// options: --set layers=5 // error use/set: --set layers: the model has no constant or size of that name
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export default train(Model, settings);
