import { train } from "mlac";
import { Model, settings } from "../parts/model.ts";

export const plan = {
  steps(n: number) { // error syntax/method: objects in a model have no methods
    return 2 * n;
  },
};

export default train(Model, settings);
