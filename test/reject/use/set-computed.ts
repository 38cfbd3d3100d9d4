// options: --set half=2
import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const half = settings.steps / 2; // error use/set: --set half: half is computed in the model
export default train(Model, { ...settings, steps: half });
