// options: --set D=16
import { dims, train } from "mlac";
import { Model, settings } from "../parts/model.ts";

const sizes = dims({ B: 2, T: 8, V: 32, D: 4 }); // error use/set: --set D: the model has more than one constant or size of that name

export default train(Model, { ...settings, sizes });
